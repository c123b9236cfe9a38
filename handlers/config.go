package handlers

import (
	"encoding/json"
	"net/http"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/config"
	"tollgate/models/configdoc"
	"tollgate/models/configfile"
	"tollgate/models/configset"
	"tollgate/models/policycase"
	"tollgate/views"
	"tollgate/views/ui"
)

// ExportConfig answers the current documents, those of one set or all that the actor may view.
func (h *Handlers) ExportConfig(c *gin.Context) error {
	q := intake.ReadQuery(c, "set", "unowned", "users")
	set, unowned, users := q.Typed("set"), q.Boolean("unowned"), q.Boolean("users")
	of := config.Of{Set: set, Unowned: unowned != nil && *unowned, Users: users != nil && *users}
	if of.Unowned && set != "" {
		q.Refuse("unowned", "invalid_query", "Leave out set or unowned: what belongs to no set is in none.")
	}
	if err := q.Err(); err != nil {
		return err
	}
	exported, err := config.Export(reqctx.Of(c), h.DB, reqctx.Actor(c), of)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, exported)
	return nil
}

// PlanConfig says what an apply of documents would do.
func (h *Handlers) PlanConfig(c *gin.Context) error {
	in, err := intake.Documents(reqctx.Body(c))
	if err != nil {
		return err
	}
	planned, err := config.Plan(reqctx.Of(c), h.DB, h.Keys, reqctx.Actor(c), in)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, planned)
	return nil
}

// ApplyConfig brings the console into the state that documents describe.
func (h *Handlers) ApplyConfig(c *gin.Context) error {
	in, err := intake.Documents(reqctx.Body(c))
	if err != nil {
		return err
	}
	ctx, cancel := long(c)
	defer cancel()
	applied, err := config.Apply(ctx, h.DB, h.Keys, reqctx.Actor(c), in)
	if err != nil {
		return err
	}
	for _, job := range applied.Propagations {
		if err := h.Propagator.Release(ctx, job); err != nil {
			h.Log.WarnContext(ctx, "a propagation waits for its lease to end", "error", err.Error())
		}
	}
	h.Propagator.Wake()
	reply.JSON(c, http.StatusOK, applied)
	return nil
}

// TestConfig asks tests of the policy that is stored.
func (h *Handlers) TestConfig(c *gin.Context) error {
	tests, err := intake.Tests(reqctx.Body(c))
	if err != nil {
		return err
	}
	passed, err := policycase.Run(reqctx.Of(c), h.DB, reqctx.Actor(c), tests)
	if err != nil {
		return err
	}
	reply.JSON(c, http.StatusOK, gin.H{"passed": passed})
	return nil
}

// ConfigDrift answers what the console has of resources of sets that differs from what was applied last.
func (h *Handlers) ConfigDrift(c *gin.Context) error {
	q := intake.ReadQuery(c, "set")
	set := q.Typed("set")
	if err := q.Err(); err != nil {
		return err
	}
	drifted, err := config.Drifts(reqctx.Of(c), h.DB, reqctx.Actor(c), set)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"drift": drifted})
		return nil
	}
	page := h.settingsFrame(c, "Configuration files", configurationHref)
	page.Rows = len(drifted) > 0
	shown := views.ConfigDrift{Set: set}
	for i, d := range drifted {
		shown.Rows = append(shown.Rows, driftRow(i+1, d))
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page, views.ConfigDriftBody(shown)))
	return nil
}

const configurationHref = "/settings/configuration"

// goneWords say of a resource that is not in the console any more why.
var goneWords = map[string]string{
	"deleted": "Deleted here", "handed_over": "Handed over to a directory, which has the user now",
}

// driftRow is a resource as the page shows it: values as the files would write them.
func driftRow(n int, d config.Drift) views.ConfigDriftRow {
	row := views.ConfigDriftRow{N: n, Kind: d.Kind, Name: d.Name, Set: d.Set, Gone: goneWords[d.Drift]}
	for _, f := range d.Fields {
		field := views.ConfigDriftField{Field: f.Field, Before: inFile(f.Before), After: inFile(f.After)}
		row.Fields = append(row.Fields, field)
	}
	if d.Document != nil {
		row.Document = string(configfile.YAML(configfile.Value(d.Document)))
	}
	return row
}

func inFile(value json.RawMessage) string {
	if string(value) == "null" {
		return "its default"
	}
	return configfile.Row(configfile.Value(value))
}

// managed says on a page which set manages what it shows.
func (h *Handlers) managed(c *gin.Context, page *ui.Page, kind, name string) (err error) {
	page.Managed, err = configset.Of(reqctx.Of(c), h.DB, kind, name)
	return err
}

// ConfigSchema answers the JSON schema of documents.
func (h *Handlers) ConfigSchema(c *gin.Context) error {
	encoded, err := json.MarshalIndent(configdoc.Schema(h.BaseURL), "", "  ")
	if err != nil {
		return err
	}
	c.Data(http.StatusOK, "application/schema+json; charset=utf-8", append(encoded, '\n'))
	return nil
}
