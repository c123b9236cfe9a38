package catalogue

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/uptrace/bun"

	"tollgate/models/audit"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
)

// Provider is a supplier of models that profiles may grant. Its models are what pickers offer; a profile may name
// others.
type Provider struct {
	bun.BaseModel `bun:"table:providers,alias:p" json:"-"`

	Name      string    `json:"name" bun:",pk"`
	Models    []string  `json:"models" bun:",array"`
	Prices    Prices    `json:"prices" bun:",type:jsonb"`
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at"`
}

// ProviderInput is what a client may send of a provider.
type ProviderInput struct {
	input.Row
	Name       input.Value                 `json:"name"`
	Models     input.List[input.Value]     `json:"models"`
	Prices     input.List[ModelPriceInput] `json:"prices"`
	PriceLines input.Value                 `form:"price_lines"` // the same as the text of a form
	Version    input.Value                 `form:"version"`
	CreatedAt  input.Value                 `json:"created_at,readonly"`
	UpdatedAt  input.Value                 `json:"updated_at,readonly"`
}

// toolsProvider is the provider that sums of usage have for tools.
const toolsProvider = "mcp"

func (in ProviderInput) apply(p Provider) (Provider, error) {
	c := &input.Reader{}
	p = in.Read(c, p)
	return p, problem.InvalidInput(c.Problems)
}

// Read is p with the fields that were sent, checked by themselves. A provider without a name is a new one.
func (in ProviderInput) Read(c *input.Reader, p Provider) Provider {
	if p.Name == "" {
		c.Required("name", in.Name, "a name")
		p.Name, _ = c.Identifier("name", in.Name, "a name")
		if p.Name == toolsProvider {
			c.Add("name", "invalid_name", "Choose another name: reports list the calls of MCP tools under "+toolsProvider+".")
		}
	} else {
		c.Fixed("name", in.Name, p.Name)
	}
	if in.Models.Kind != input.Absent || p.Models == nil {
		p.Models = ReadModelNames(c, "models", p.Name, in.Models, false)
	}
	if in.Prices.Kind != input.Absent || p.Prices == nil {
		p.Prices = readPrices(c, "prices", p.Name, in.Prices, p.Prices)
	}
	return p
}

// ListProviders returns a page of providers by name, and how many match in all. Search looks at names and models.
func ListProviders(ctx context.Context, db bun.IDB, q database.CatalogueQuery) ([]Provider, int64, error) {
	return database.ListCatalogue[Provider](
		ctx, db, q, "p.name", `p.name ILIKE ?0 OR array_to_string(p.models, E'\n') ILIKE ?0`,
	)
}

// GetProvider returns one provider. Refusal: NotFound.
func GetProvider(ctx context.Context, db bun.IDB, name string) (Provider, error) {
	return loadProvider(ctx, db.NewSelect(), name)
}

func loadProvider(ctx context.Context, q *bun.SelectQuery, name string) (Provider, error) {
	var p Provider
	if !input.Identifier.MatchString(name) {
		return p, problem.Missing("provider")
	}
	if err := q.Model(&p).Where("p.name = ?", name).Scan(ctx); err != nil {
		return p, problem.NotFoundOr(err, "provider")
	}
	return p, nil
}

// CreateProvider checks and stores a new provider. Refusals: Invalid, Conflict when the name is taken.
func CreateProvider(ctx context.Context, db bun.IDB, actor permission.Actor, in ProviderInput) (Provider, error) {
	p, err := in.apply(Provider{})
	if err != nil {
		return p, err
	}
	err = database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		now, err := database.Clock(ctx, tx)
		if err != nil {
			return err
		}
		p.CreatedAt, p.UpdatedAt = now, now
		if _, err := tx.NewInsert().Model(&p).Exec(ctx); err != nil {
			return fmt.Errorf("insert provider: %w", err)
		}
		tx.Invalidate(database.Everybody)
		return audit.RecordResource(ctx, tx, actor, "create", "provider", p.Name, nil, p)
	})
	if problem.Violates(err, "providers_name_taken") {
		err = problem.Refuse(
			problem.Conflict, "name", "name_taken", "Choose another name: there is a provider with this name already.",
		)
	}
	return p, err
}

// UpdateProvider changes the fields sent; nothing changed means nothing written. Decisions and costs use the new prices
// within a second. Refusals: NotFound, those of input.Fresh, Invalid.
func UpdateProvider(
	ctx context.Context, db bun.IDB, actor permission.Actor, name string, in ProviderInput,
) (Provider, error) {
	var p Provider
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		old, err := loadProvider(ctx, tx.NewSelect().For("UPDATE"), name)
		if err != nil {
			return err
		}
		if err := input.Fresh(in.Version, input.Version(old.UpdatedAt)); err != nil {
			return err
		}
		if p, err = in.apply(old); err != nil ||
			slices.Equal(p.Models, old.Models) && slices.EqualFunc(p.Prices, old.Prices, ModelPrice.equal) {
			return err
		}
		if p.UpdatedAt, err = database.Clock(ctx, tx); err != nil {
			return err
		}
		if _, err := tx.NewUpdate().Model(&p).Column("models", "prices", "updated_at").WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("update provider %s: %w", name, err)
		}
		tx.Invalidate(database.Everybody)
		return audit.RecordResource(ctx, tx, actor, "update", "provider", name, old, p)
	})
	return p, err
}

// DeleteProvider removes a provider that no profile names. Refusals: NotFound, Conflict with the profiles that do.
func DeleteProvider(ctx context.Context, db bun.IDB, actor permission.Actor, name string) error {
	err := database.InTx(ctx, db, func(ctx context.Context, tx database.Tx) error {
		// A transaction that saves a profile with this provider locks the row, so the use read next is complete.
		old, err := loadProvider(ctx, tx.NewSelect().For("UPDATE"), name)
		if err != nil {
			return err
		}
		use, err := ProviderUse(ctx, tx, name)
		if err != nil {
			return err
		}
		if err := use.InUse("", name); err != nil {
			return err
		}
		if _, err := tx.NewDelete().Model(&old).WherePK().Exec(ctx); err != nil {
			return fmt.Errorf("delete provider %s: %w", name, err)
		}
		tx.Invalidate(database.Everybody)
		return audit.RecordResource(ctx, tx, actor, "delete", "provider", name, old, nil)
	})
	return InUseOr(err, name, "provider_configs_unknown_provider")
}
