package identityprovider

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/uptrace/bun"
	"github.com/uptrace/bun/dialect/pgdialect"

	"tollgate/models/database"
	"tollgate/models/problem"
	"tollgate/models/secret"
)

// What a provider's word on an address is worth.
const (
	TrustVerified = "verified" // only when it says that the address is verified
	TrustAll      = "all"      // also when it says nothing
)

// How the client secret is sent.
const (
	StyleBasic = "basic"
	StylePost  = "post"
)

// Provider is an identity provider.
type Provider struct {
	bun.BaseModel `bun:"table:identity_providers,alias:p" json:"-"`

	ID            int64     `json:"id" bun:",pk,autoincrement"`
	Slug          string    `json:"slug"`
	Name          string    `json:"name"`
	NameKey       string    `json:"-"`
	Issuer        string    `json:"issuer"`
	ClientID      string    `json:"client_id"`
	ClientSecret  []byte    `json:"-"` // sealed
	HasSecret     bool      `json:"has_client_secret" bun:",scanonly"`
	AuthStyle     string    `json:"auth_style"`
	Scopes        []string  `json:"scopes" bun:",array"`
	GroupsClaim   string    `json:"groups_claim"`
	TrustEmail    string    `json:"trust_email"`
	EmailDomains  []string  `json:"email_domains" bun:",array"`
	LinkByEmail   bool      `json:"link_by_email"`
	CreateUsers   bool      `json:"create_users"`
	DefaultRoleID *int64    `json:"default_role_id"`
	ConnectionID  *int64    `json:"connection_id"` // the directory that provisions its users, if any
	MatchClaim    string    `json:"match_claim"`   // whose value is the external id of such a user
	MaxSession    int64     `json:"max_session"`   // hours
	SignOutThere  bool      `json:"sign_out_there"`
	TokenAudience string    `json:"token_audience"` // of access tokens that say who makes a call, "" to accept none
	TokenScope    string    `json:"token_scope"`
	TokenClients  []string  `json:"token_clients" bun:",array"`
	IsEnabled     bool      `json:"is_enabled"`
	Rules         []Rule    `json:"rules" bun:"-"`
	Version       int64     `json:"version"`
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`

	Users int64 `json:"-" bun:",scanonly"` // who can sign in by it
}

// Rule gives a role to those who have a value among their groups.
type Rule struct {
	bun.BaseModel `bun:"table:identity_provider_rules" json:"-"`

	ProviderID     int64  `json:"-"`
	Position       int64  `json:"-"`
	Value          string `json:"value"`
	RoleID         int64  `json:"role_id"`
	Administrative bool   `json:"administrative"` // the role may change users, roles, API keys or settings
}

// selectProviders reads providers without their rules.
func selectProviders(q *bun.SelectQuery) *bun.SelectQuery {
	return q.ColumnExpr("p.*").ColumnExpr("p.client_secret IS NOT NULL AS has_secret").
		ColumnExpr("(SELECT count(*) FROM user_identities AS i WHERE i.provider_id = p.id) AS users")
}

// List returns a page of providers by name, and how many match in all. Search looks at names and issuers.
func List(ctx context.Context, db bun.IDB, q database.CatalogueQuery) ([]Provider, int64, error) {
	providers := []Provider{}
	rows := selectProviders(db.NewSelect().Model(&providers))
	if q.Search != "" {
		rows = rows.Where("p.name ILIKE ?0 OR p.issuer ILIKE ?0", database.LikeAnywhere(q.Search))
	}
	total, err := rows.Order("p.name_key").Limit(q.Limit).Offset(q.Offset).ScanAndCount(ctx)
	if err != nil {
		return nil, 0, fmt.Errorf("list identity providers: %w", err)
	}
	return providers, int64(total), loadRules(ctx, db, providers)
}

// Get returns one provider. Refusal: NotFound.
func Get(ctx context.Context, db bun.IDB, id int64) (Provider, error) {
	return load(ctx, db, db.NewSelect().Where("p.id = ?", id))
}

// OfSlug returns the provider that an address names. Refusal: NotFound, also when it is disabled.
func OfSlug(ctx context.Context, db bun.IDB, slug string) (Provider, error) {
	return load(ctx, db, db.NewSelect().Where("p.slug = ? AND p.is_enabled", slug))
}

func load(ctx context.Context, db bun.IDB, q *bun.SelectQuery) (Provider, error) {
	providers := make([]Provider, 1)
	if err := selectProviders(q.Model(&providers[0])).Scan(ctx); err != nil {
		return providers[0], problem.NotFoundOr(err, "identity provider")
	}
	return providers[0], loadRules(ctx, db, providers)
}

func loadRules(ctx context.Context, db bun.IDB, providers []Provider) error {
	ids, place := make([]int64, len(providers)), map[int64]int{}
	for i := range providers {
		providers[i].Rules = []Rule{}
		ids[i], place[providers[i].ID] = providers[i].ID, i
	}
	var rules []Rule
	err := db.NewSelect().Model(&rules).Where("provider_id = ANY (?)", pgdialect.Array(ids)).
		Order("provider_id", "position").Scan(ctx)
	if err != nil {
		return fmt.Errorf("load the rules of identity providers: %w", err)
	}
	for _, rule := range rules {
		p := &providers[place[rule.ProviderID]]
		p.Rules = append(p.Rules, rule)
	}
	return nil
}

// Button is what the sign-in page shows of a provider.
type Button struct{ Slug, Name string }

// Buttons are the enabled providers, by name.
func Buttons(ctx context.Context, db bun.IDB) ([]Button, error) {
	buttons := []Button{}
	err := db.NewRaw("SELECT slug, name FROM identity_providers WHERE is_enabled ORDER BY name_key").Scan(ctx, &buttons)
	if err != nil {
		return nil, fmt.Errorf("list the identity providers of the sign-in page: %w", err)
	}
	return buttons, nil
}

const sealedFor = "identity-provider/v1"

// Secret is the client secret, "" for a public client; ok is false when it was sealed with an earlier secret of the
// console, so that it has to be entered again.
func (p Provider) Secret(keys secret.Keys) (value string, ok bool) {
	if p.ClientSecret == nil {
		return "", true
	}
	plain, err := keys.Open(p.ClientSecret, sealedFor, strconv.FormatInt(p.ID, 10))
	return string(plain), err == nil
}
