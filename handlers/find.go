package handlers

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"
	"golang.org/x/text/unicode/norm"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/search"
	"tollgate/views"
)

// foundBy is the permission that an actor needs to follow a link to a hit of another kind.
var foundBy = map[search.Kind]permission.Permission{
	search.User: permission.ViewUsers, search.Profile: permission.ViewAccessProfiles,
}

// findInput is what is typed into the search.
type findInput struct {
	input.Row
	Q    input.Value `json:"q"`
	Kind input.Value `json:"kind"`
}

// Find answers what the words of an address find. A key does not belong there.
func (h *Handlers) Find(c *gin.Context) error {
	q := intake.ReadQuery(c, "q", "kind")
	in := findInput{Q: input.FormValue(q.Get("q")), Kind: input.FormValue(q.Get("kind"))}
	if search.IsSecret(in.Q.Text) {
		return intake.Unreadable("q", "secret_in_address",
			"Do not put a key into an address: this one may be in logs now, so rotate it. "+
				"Paste keys into the search itself.")
	}
	err := q.Err()
	var found views.Found
	if err == nil {
		found, err = h.find(c, in)
	}
	if err != nil {
		return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
			return h.findPage(c, views.Found{Text: in.Q.Text, Problems: problems}), nil
		})
	}
	return h.showFound(c, found)
}

// FindTyped answers what was typed into the search, which may be a key: its value stays in the body of the request.
func (h *Handlers) FindTyped(c *gin.Context) error {
	if err := notByKey(c); err != nil {
		return err
	}
	in, err := intake.Decode[findInput](c)
	if err != nil {
		return err
	}
	if search.IsSecret(in.Q.Text) {
		c.Header("Cache-Control", "no-store")
		result, err := search.FindSecret(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), in.Q.Text)
		if err != nil {
			return err
		}
		found := views.NewFound(result, mayFollow(c), time.Now())
		found.Secret = true
		return h.showFound(c, found)
	}
	if !reqctx.IsAPI(c) && !reqctx.IsHTMX(c) {
		return seeOther(c, "/find?"+url.Values{"q": {strings.TrimSpace(in.Q.Text)}}.Encode(), "")
	}
	found, err := h.find(c, in)
	if err != nil {
		return err
	}
	return h.showFound(c, found)
}

func (h *Handlers) find(c *gin.Context, in findInput) (views.Found, error) {
	q := search.Query{Text: norm.NFC.String(strings.TrimSpace(in.Q.Text)), Kind: search.Kind(in.Kind.Text)}
	switch {
	case utf8.RuneCountInString(q.Text) > search.LongestText:
		return views.Found{}, intake.Unreadable("q", "too_long", "Shorten the search to 255 characters or fewer.")
	case q.Kind != "" && !slices.Contains(search.Kinds, q.Kind):
		return views.Found{}, intake.Unreadable(
			"kind", "invalid_kind", "Leave out kind, or send one of the kinds that are found.",
		)
	}
	if err := notByKey(c); err != nil {
		return views.Found{}, err
	}
	result, err := search.Find(reqctx.Of(c), h.DB, reqctx.Actor(c), q)
	if err != nil {
		return views.Found{}, err
	}
	found := views.NewFound(result, mayFollow(c), time.Now())
	if pages := pagesNamed(reqctx.Actor(c), q.Text); len(pages) > 0 && q.Kind == "" {
		found.Groups = slices.Insert(found.Groups, 0, views.FoundGroup{Kind: views.FoundPage, Label: "Go to", Hits: pages})
	}
	return found, nil
}

// notByKey refuses virtual keys: they are for calls, not for searching the console.
func notByKey(c *gin.Context) error {
	if reqctx.Actor(c).ByKey {
		return problem.Refuse(problem.Forbidden, "", "forbidden", "A virtual key cannot search. Use an API key.")
	}
	return nil
}

func mayFollow(c *gin.Context) func(search.Kind) bool {
	actor := reqctx.Actor(c)
	return func(kind search.Kind) bool { return actor.May(foundBy[kind]) }
}

// pagesNamed are the pages of the rail whose name begins with the text.
func pagesNamed(actor permission.Actor, text string) []views.FoundHit {
	var hits []views.FoundHit
	for _, section := range sections {
		named := strings.HasPrefix(strings.ToLower(section.Label), strings.ToLower(text))
		if len(text) > 1 && named && actor.May(section.permission) {
			hits = append(hits, views.FoundHit{Name: section.Label, Href: section.Href})
		}
	}
	return hits
}

// foundHit is a hit in the API.
type foundHit struct {
	Type   search.Kind `json:"type"`
	Name   string      `json:"name"`
	Detail string      `json:"detail"`
	State  string      `json:"state"`
	Path   string      `json:"path"` // of its page in the console
}

func (h *Handlers) showFound(c *gin.Context, found views.Found) error {
	switch {
	case reqctx.IsAPI(c):
		hits, more := []foundHit{}, []search.Kind{}
		for _, group := range found.Groups {
			for _, hit := range group.Hits {
				hits = append(hits, foundHit{group.Kind, hit.Name, hit.Of, hit.State, hit.Href})
			}
			if group.All != "" {
				more = append(more, group.Kind)
			}
		}
		reply.JSON(c, http.StatusOK, gin.H{"results": hits, "count": len(hits), "more": more})
	case reqctx.IsHTMX(c):
		reply.HTML(c, h.Log, http.StatusOK, views.FindHits(found))
	default:
		reply.HTML(c, h.Log, http.StatusOK, h.findPage(c, found))
	}
	return nil
}

func (h *Handlers) findPage(c *gin.Context, found views.Found) templ.Component {
	page := h.page(c, "Search", "")
	page.SearchValue = found.Text
	reply.MarkProblems(&page, found.Problems)
	return framed(page, views.FindBody(found))
}

// FindCallers answers which profiles grant a model or a tool, and how many users may call it.
func (h *Handlers) FindCallers(c *gin.Context) error {
	q := intake.ReadQuery(c, "provider", "model", "mcp_client_id", "tool_name")
	asked := search.Asked{Kind: search.Model, Of: q.Get("provider"), Name: q.Get("model")}
	if server, tool := q.Get("mcp_client_id"), q.Get("tool_name"); server != "" {
		asked = search.Asked{Kind: search.Tool, Of: server, Name: tool}
	}
	if err := q.Err(); err != nil {
		return err
	}
	callers, err := search.CallersOf(reqctx.Of(c), h.DB, asked)
	if err != nil {
		return err
	}
	page := h.page(c, "Who may call "+callers.Name, "")
	page.Crumbs = views.CallersCrumbs(callers)
	page.Intro = views.CallersIntro(callers)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.CallersBody(callers)))
	return nil
}
