package handlers

import (
	"encoding/json"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reqctx"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/problem"
	"tollgate/models/profile"
)

// ChangeAccessProfiles does one thing to every profile that was ticked in the list, or exports them as a file.
func (h *Handlers) ChangeAccessProfiles(c *gin.Context) error {
	q, _, err := profileQuery(c)
	if err != nil {
		return err
	}
	in, err := intake.Decode[profile.BulkInput](c)
	if err == nil && in.Op.Text == "export" {
		if err = h.exportProfiles(c, in); err == nil {
			return nil
		}
	} else if err == nil {
		var n int
		if n, err = profile.ChangeMany(reqctx.Of(c), h.DB, reqctx.Actor(c), in); err == nil {
			return seeOther(c, profilesHref+q.Whole(), bulkDone(in, n))
		}
	}
	return h.refuseTicked(c, permission.ViewAccessProfiles, err, func(problems problem.Problems) (templ.Component, error) {
		return h.profilesAgain(c, in, problems)
	})
}

func bulkDone(in profile.BulkInput, n int) string {
	return map[string]string{
		"activate": "Unarchived: ", "deactivate": "Archived, while copies keep working: ", "tag": "Tagged “" + in.Tag.Text + "”: ",
	}[in.Op.Text] + plural.Of(n, "profile") + "."
}

// profilesAgain is the list with what was sent for the ticked rows and not accepted.
func (h *Handlers) profilesAgain(
	c *gin.Context, in profile.BulkInput, problems problem.Problems,
) (templ.Component, error) {
	q, wanted, err := profileQuery(c)
	if err != nil {
		return nil, err
	}
	q.Path = profilesHref
	found, err := profile.List(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return nil, err
	}
	return h.profileListPage(c, q, wanted, found, in, problems)
}

func (h *Handlers) exportProfiles(c *gin.Context, in profile.BulkInput) error {
	ids, err := in.Rows()
	if err != nil {
		return err
	}
	documents, err := profile.Documents(reqctx.Of(c), h.DB, ids)
	if err != nil {
		return err
	}
	c.Header("Content-Disposition", `attachment; filename="access-profiles.json"`)
	writeDocument(c, 200, `{"access_profiles":[`, joined(documents), "]}\n")
	return nil
}

func joined(documents []json.RawMessage) []byte {
	size := len(documents)
	for _, document := range documents {
		size += len(document)
	}
	all := make([]byte, 0, size)
	for i, document := range documents {
		if i > 0 {
			all = append(all, ',')
		}
		all = append(all, document...)
	}
	return all
}
