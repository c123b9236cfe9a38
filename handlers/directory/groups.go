package directory

import (
	"maps"
	"net/http"
	"slices"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/connection"
	"tollgate/models/provision"
	"tollgate/models/scim"
)

// ListGroups answers a page of groups.
func (d *Directory) ListGroups(c *gin.Context) error {
	return d.needs(connection.ReadGroups, func(c *gin.Context, caller connection.Caller) error {
		q, err := readQuery(c)
		if err != nil {
			return err
		}
		id := caller.Connection.ID
		groups, total, err := provision.ListGroups(reqctx.Of(c), d.DB, id, q.Query, q.shows("members"))
		if err != nil {
			return err
		}
		rows := make([]resource, len(groups))
		for i, g := range groups {
			rows[i] = d.group(g)
		}
		return list(c, q, rows, total)
	})(c)
}

// ShowGroup answers one group.
func (d *Directory) ShowGroup(c *gin.Context) error {
	return d.needs(connection.ReadGroups, func(c *gin.Context, caller connection.Caller) error {
		q, err := readQuery(c)
		if err != nil {
			return err
		}
		g, err := provision.GetGroup(reqctx.Of(c), d.DB, caller.Connection.ID, c.Param("id"), q.shows("members"))
		if err != nil {
			return err
		}
		return d.showGroup(c, http.StatusOK, g, q.projection)
	})(c)
}

// ProvisionGroup adds a group.
func (d *Directory) ProvisionGroup(c *gin.Context) error {
	return d.needs(connection.WriteGroups, func(c *gin.Context, caller connection.Caller) error {
		root, err := read(c, maxGroupBody)
		if err != nil {
			return err
		}
		in, err := scim.ReadGroup(root, nil)
		if err != nil {
			return err
		}
		g, err := provision.CreateGroup(reqctx.Of(c), d.DB, caller.Connection.ID, in)
		if err != nil {
			return err
		}
		return d.showGroup(c, http.StatusCreated, g, projection{})
	})(c)
}

// ReplaceGroup replaces what is known about a group.
func (d *Directory) ReplaceGroup(c *gin.Context) error {
	return d.needs(connection.WriteGroups, func(c *gin.Context, caller connection.Caller) error {
		root, err := read(c, maxGroupBody)
		if err != nil {
			return err
		}
		g, err := d.changeGroup(c, caller, func(g scim.Group) (scim.Group, error) { return scim.ReadGroup(root, g.Members) })
		if err != nil {
			return err
		}
		return d.showGroup(c, http.StatusOK, g, projection{})
	})(c)
}

// PatchGroup changes parts of a group, all or none. The answer has no body: a group may have thousands of members.
func (d *Directory) PatchGroup(c *gin.Context) error {
	return d.needs(connection.WriteGroups, func(c *gin.Context, caller connection.Caller) error {
		root, err := read(c, maxGroupBody)
		if err != nil {
			return err
		}
		operations, err := scim.ReadPatch(root)
		if err != nil {
			return err
		}
		g, err := d.changeGroup(c, caller, func(g scim.Group) (scim.Group, error) { return g.Patched(operations) })
		if err != nil {
			return err
		}
		c.Header("ETag", tag(g.Version))
		return noContent(c)
	})(c)
}

func (d *Directory) changeGroup(
	c *gin.Context, caller connection.Caller, apply func(scim.Group) (scim.Group, error),
) (provision.Group, error) {
	edit := provision.Edit[scim.Group]{Version: ifMatch(c), Apply: apply}
	return provision.ChangeGroup(reqctx.Of(c), d.DB, caller.Connection.ID, c.Param("id"), edit)
}

// DeprovisionGroup removes a group.
func (d *Directory) DeprovisionGroup(c *gin.Context) error {
	return d.needs(connection.WriteGroups, func(c *gin.Context, caller connection.Caller) error {
		err := provision.DeleteGroup(reqctx.Of(c), d.DB, caller.Connection.ID, c.Param("id"), ifMatch(c))
		if err != nil {
			return err
		}
		return noContent(c)
	})(c)
}

func (d *Directory) showGroup(c *gin.Context, status int, g provision.Group, p projection) error {
	c.Header("ETag", tag(g.Version))
	if status == http.StatusCreated {
		c.Header("Location", d.address("Groups/"+g.ID))
	}
	if c.Request.Method == http.MethodGet && known(c, g.Version) {
		c.Status(http.StatusNotModified)
		return nil
	}
	reply.SCIM(c, status, p.shown(d.group(g)))
	return nil
}

// group is a group as it is answered.
func (d *Directory) group(g provision.Group) resource {
	members := make([]gin.H, 0, len(g.Members))
	for _, id := range slices.Sorted(maps.Keys(g.Members)) {
		members = append(members, gin.H{"value": id})
	}
	r := resource{
		"schemas": []string{scim.GroupSchema}, "id": g.ID, "displayName": g.DisplayName, "members": members,
		"meta": meta("Group", d.address("Groups/"+g.ID), g.Version, g.CreatedAt, g.UpdatedAt),
	}
	if g.ExternalID != "" {
		r["externalId"] = g.ExternalID
	}
	return r
}
