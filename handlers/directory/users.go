package directory

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/connection"
	"tollgate/models/identity"
	"tollgate/models/problem"
	"tollgate/models/provision"
	"tollgate/models/scim"
)

// ListUsers answers a page of users.
func (d *Directory) ListUsers(c *gin.Context) error {
	return d.needs(connection.ReadUsers, func(c *gin.Context, caller connection.Caller) error {
		q, err := readQuery(c)
		if err != nil {
			return err
		}
		users, total, err := provision.ListUsers(reqctx.Of(c), d.DB, caller.Connection.ID, q.Query)
		if err != nil {
			return err
		}
		rows := make([]resource, len(users))
		for i, u := range users {
			rows[i] = d.user(u)
		}
		return list(c, q, rows, total)
	})(c)
}

// userID reads a user's id from the path. What is no id names no user.
func userID(c *gin.Context) (string, error) {
	id := c.Param("id")
	if !identity.UserID.MatchString(id) {
		return "", problem.Missing("user")
	}
	return id, nil
}

// ShowUser answers one user.
func (d *Directory) ShowUser(c *gin.Context) error {
	return d.needs(connection.ReadUsers, func(c *gin.Context, caller connection.Caller) error {
		q, err := readQuery(c)
		if err != nil {
			return err
		}
		id, err := userID(c)
		if err != nil {
			return err
		}
		u, err := provision.GetUser(reqctx.Of(c), d.DB, caller.Connection.ID, id)
		if err != nil {
			return err
		}
		return d.showUser(c, http.StatusOK, u, q.projection)
	})(c)
}

// ProvisionUser adds a user, or brings one back whom the directory deleted.
func (d *Directory) ProvisionUser(c *gin.Context) error {
	return d.needs(connection.WriteUsers, func(c *gin.Context, caller connection.Caller) error {
		root, err := read(c, maxUserBody)
		if err != nil {
			return err
		}
		in, err := scim.ReadUser(root, true)
		if err != nil {
			return err
		}
		u, err := provision.CreateUser(reqctx.Of(c), d.DB, caller.Connection.ID, in)
		if err != nil {
			return err
		}
		return d.showUser(c, http.StatusCreated, u, projection{})
	})(c)
}

// ReplaceUser replaces what is known about a user.
func (d *Directory) ReplaceUser(c *gin.Context) error {
	return d.needs(connection.WriteUsers, func(c *gin.Context, caller connection.Caller) error {
		root, err := read(c, maxUserBody)
		if err != nil {
			return err
		}
		return d.changeUser(c, caller, func(u scim.User) (scim.User, error) { return scim.ReadUser(root, u.Active) })
	})(c)
}

// PatchUser changes parts of a user, all or none.
func (d *Directory) PatchUser(c *gin.Context) error {
	return d.needs(connection.WriteUsers, func(c *gin.Context, caller connection.Caller) error {
		root, err := read(c, maxUserBody)
		if err != nil {
			return err
		}
		operations, err := scim.ReadPatch(root)
		if err != nil {
			return err
		}
		return d.changeUser(c, caller, func(u scim.User) (scim.User, error) { return u.Patched(operations) })
	})(c)
}

func (d *Directory) changeUser(
	c *gin.Context, caller connection.Caller, apply func(scim.User) (scim.User, error),
) error {
	id, err := userID(c)
	if err != nil {
		return err
	}
	edit := provision.Edit[scim.User]{Version: ifMatch(c), Apply: apply}
	u, err := provision.ChangeUser(reqctx.Of(c), d.DB, caller.Connection.ID, id, edit)
	if err != nil {
		return err
	}
	return d.showUser(c, http.StatusOK, u, projection{})
}

// DeprovisionUser deactivates a user whom the directory has deleted.
func (d *Directory) DeprovisionUser(c *gin.Context) error {
	return d.needs(connection.WriteUsers, func(c *gin.Context, caller connection.Caller) error {
		id, err := userID(c)
		if err != nil {
			return err
		}
		if err := provision.DeleteUser(reqctx.Of(c), d.DB, caller.Connection.ID, id, ifMatch(c)); err != nil {
			return err
		}
		return noContent(c)
	})(c)
}

func (d *Directory) showUser(c *gin.Context, status int, u provision.User, p projection) error {
	c.Header("ETag", tag(u.Version))
	if status == http.StatusCreated {
		c.Header("Location", d.address("Users/"+u.ID))
	}
	if c.Request.Method == http.MethodGet && known(c, u.Version) {
		c.Status(http.StatusNotModified)
		return nil
	}
	reply.SCIM(c, status, p.shown(d.user(u)))
	return nil
}

// user is a user as they are answered. What is not known is left out.
func (d *Directory) user(u provision.User) resource {
	r := resource{
		"schemas": []string{scim.UserSchema}, "id": u.ID, "userName": u.UserName, "active": u.Active,
		"meta": meta("User", d.address("Users/"+u.ID), u.Version, u.CreatedAt, u.UpdatedAt),
	}
	if u.ExternalID != "" {
		r["externalId"] = u.ExternalID
	}
	if u.DisplayName != "" {
		r["displayName"] = u.DisplayName
	}
	if len(u.Name) > 0 {
		r["name"] = u.Name
	}
	if len(u.Emails) > 0 {
		r["emails"] = u.Emails
	}
	if len(u.Enterprise) > 0 {
		r["schemas"], r[scim.EnterpriseSchema] = []string{scim.UserSchema, scim.EnterpriseSchema}, u.Enterprise
	}
	return r
}
