package gateway

import (
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reqctx"
	"tollgate/models/entitlement"
	"tollgate/models/input"
)

// The shapes of OpenID AuthZEN 1.0. Names are compared exactly, and members that it does not know are passed over.
type (
	authzenEntity struct {
		kind, id, name string
		properties     map[string]string // those that are text
	}
	authzenRequest struct {
		subject, action, resource *authzenEntity
	}
)

// readAuthZEN reads a body as strictly as any other.
func readAuthZEN(c *gin.Context) (intake.Node, error) {
	root, err := intake.ParseJSON(reqctx.Body(c))
	c.Header("Cache-Control", "no-store")
	return root, err
}

// readAuthZENRequest reads a body that is one request.
func readAuthZENRequest(c *gin.Context) (authzenRequest, error) {
	root, err := readAuthZEN(c)
	if err != nil {
		return authzenRequest{}, err
	}
	return authzenRequest{}.with(root)
}

// with is the request whose entities are replaced, as a whole, by those that an object has.
func (r authzenRequest) with(n intake.Node) (authzenRequest, error) {
	if n.Kind != input.Object {
		return r, wrongAuthZEN("", "an object")
	}
	for _, part := range []struct {
		name string
		to   **authzenEntity
	}{{"subject", &r.subject}, {"action", &r.action}, {"resource", &r.resource}} {
		if member := n.Member(part.name); member != nil {
			entity, err := readEntity(part.name, *member)
			if err != nil {
				return r, err
			}
			*part.to = &entity
		}
	}
	if context := n.Member("context"); context != nil && context.Kind != input.Object && context.Kind != input.Null {
		return r, wrongAuthZEN("context", "an object")
	}
	return r, nil
}

func readEntity(path string, n intake.Node) (e authzenEntity, err error) {
	if n.Kind != input.Object {
		return e, wrongAuthZEN(path, "an object")
	}
	for _, part := range []struct {
		name string
		to   *string
	}{{"type", &e.kind}, {"id", &e.id}, {"name", &e.name}} {
		member := n.Member(part.name)
		switch {
		case member == nil:
		case member.Kind != input.String:
			return e, wrongAuthZEN(intake.Join(path, part.name), "text")
		default:
			*part.to = member.Text
		}
	}
	properties := n.Member("properties")
	switch {
	case properties == nil || properties.Kind == input.Null:
		return e, nil
	case properties.Kind != input.Object:
		return e, wrongAuthZEN(intake.Join(path, "properties"), "an object")
	}
	e.properties = map[string]string{}
	for _, m := range properties.Members {
		if m.Node.Kind == input.String {
			e.properties[m.Name] = m.Node.Text
		}
	}
	return e, nil
}

func wrongAuthZEN(path, want string) error {
	if path == "" {
		path = "each evaluation"
	}
	return intake.Unreadable(path, "wrong_type", "Give "+path+" as "+want+".")
}

// complete refuses a request that leaves out what every one needs.
func (r authzenRequest) complete() error {
	switch {
	case r.subject == nil || r.subject.kind == "" || r.subject.id == "":
		return intake.Unreadable("subject", "required", "Give the subject's type and id.")
	case r.action == nil || r.action.name == "":
		return intake.Unreadable("action", "required", "Give the action's name.")
	case r.resource == nil || r.resource.kind == "":
		return intake.Unreadable("resource", "required", "Give the resource's type.")
	}
	return nil
}

// who is the subject as decisions know it.
func (r authzenRequest) who() (entitlement.Subject, bool) {
	switch r.subject.kind {
	case "virtual_key":
		return entitlement.Subject{VirtualKey: r.subject.id}, true
	case "access_token":
		return entitlement.Subject{AccessToken: r.subject.id}, true
	case "user", "identity":
		return entitlement.Subject{UserID: r.subject.id}, true
	}
	return entitlement.Subject{}, false
}
