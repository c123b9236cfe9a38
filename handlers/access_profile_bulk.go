package handlers

import (
	"encoding/json"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reqctx"
	"tollgate/models/plural"
	"tollgate/models/profile"
)

// ChangeAccessProfiles does one thing to every profile that was ticked in the list, or exports them as a file.
func (h *Handlers) ChangeAccessProfiles(c *gin.Context) error {
	in, err := intake.Decode[profile.BulkInput](c)
	if err != nil {
		return err
	}
	if in.Op.Text == "export" {
		return h.exportProfiles(c, in)
	}
	n, err := profile.ChangeMany(reqctx.Of(c), h.DB, reqctx.Actor(c), in)
	if err != nil {
		return err
	}
	done := map[string]string{
		"activate": "Unarchived: ", "deactivate": "Archived, while copies keep working: ", "tag": "Tagged “" + in.Tag.Text + "”: ",
	}[in.Op.Text]
	return seeOther(c, "/access-profiles", done+plural.Of(n, "profile")+".")
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
