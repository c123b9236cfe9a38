package directory

import (
	"net/http"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/reply"
	"tollgate/models/connection"
	"tollgate/models/problem"
	"tollgate/models/provision"
	"tollgate/models/scim"
)

// whole is a list that has one page.
var whole = query{Query: provision.Query{Start: 1}}

// ShowConfig answers what of the protocol is offered.
func (d *Directory) ShowConfig(c *gin.Context) error {
	return d.needs("", func(c *gin.Context, _ connection.Caller) error {
		offered := func(yes bool) gin.H { return gin.H{"supported": yes} }
		reply.SCIM(c, http.StatusOK, gin.H{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"},
			"patch":   offered(true), "etag": offered(true), "sort": offered(false), "changePassword": offered(false),
			"bulk":   gin.H{"supported": false, "maxOperations": 0, "maxPayloadSize": 0},
			"filter": gin.H{"supported": true, "maxResults": mostRows},
			"authenticationSchemes": []gin.H{{
				"type": "oauthbearertoken", "name": "Bearer token",
				"description": "A token of a connection, made in the console under Settings, Provisioning.",
			}},
			"meta": gin.H{"resourceType": "ServiceProviderConfig", "location": d.address("ServiceProviderConfig")},
		})
		return nil
	})(c)
}

// ListResourceTypes answers which resources there are.
func (d *Directory) ListResourceTypes(c *gin.Context) error {
	return d.needs("", func(c *gin.Context, _ connection.Caller) error {
		types := d.resourceTypes()
		return list(c, whole, types, int64(len(types)))
	})(c)
}

// ShowResourceType answers one of them.
func (d *Directory) ShowResourceType(c *gin.Context) error {
	return d.needs("", func(c *gin.Context, _ connection.Caller) error {
		return one(c, d.resourceTypes(), "resource type")
	})(c)
}

// ListSchemas answers which attributes are kept.
func (d *Directory) ListSchemas(c *gin.Context) error {
	return d.needs("", func(c *gin.Context, _ connection.Caller) error {
		schemas := d.schemas()
		return list(c, whole, schemas, int64(len(schemas)))
	})(c)
}

// ShowSchema answers one schema.
func (d *Directory) ShowSchema(c *gin.Context) error {
	return d.needs("", func(c *gin.Context, _ connection.Caller) error { return one(c, d.schemas(), "schema") })(c)
}

func one(c *gin.Context, all []resource, what string) error {
	for _, r := range all {
		if r["id"] == c.Param("id") {
			reply.SCIM(c, http.StatusOK, r)
			return nil
		}
	}
	return problem.Missing(what)
}

func (d *Directory) resourceTypes() []resource {
	of := func(name, schema string, extensions ...gin.H) resource {
		return resource{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:ResourceType"}, "id": name, "name": name,
			"endpoint": "/" + name + "s", "schema": schema, "schemaExtensions": append([]gin.H{}, extensions...),
			"meta": gin.H{"resourceType": "ResourceType", "location": d.address("ResourceTypes/" + name)},
		}
	}
	return []resource{
		of("User", scim.UserSchema, gin.H{"schema": scim.EnterpriseSchema, "required": false}),
		of("Group", scim.GroupSchema),
	}
}

func (d *Directory) schemas() []resource {
	var all []resource
	for _, s := range scim.Schemas() {
		all = append(all, resource{
			"schemas": []string{"urn:ietf:params:scim:schemas:core:2.0:Schema"}, "id": s.ID, "name": s.Name,
			"description": s.Description, "attributes": s.Attributes,
			"meta": gin.H{"resourceType": "Schema", "location": d.address("Schemas/" + s.ID)},
		})
	}
	return all
}
