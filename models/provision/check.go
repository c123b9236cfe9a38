package provision

import (
	"context"

	"tollgate/models/connection"
	"tollgate/models/database"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/problem"
	"tollgate/models/scim"
)

// maxKey is how long a folded name may be: indexes hold no longer ones.
const maxKey = 1500

// acceptable checks what a user is to be called and reached by, as far as it differs from before. Refusal: Invalid.
func acceptable(conn connection.Connection, next, before scim.User) error {
	r := &input.Reader{}
	if name := next.Called(); name != before.Called() || before.UserName == "" {
		r.Text("displayName", input.SampleText(name), input.TextRule{What: "a name", Max: 255})
	}
	if address := next.Address(); address != before.Address() || before.UserName == "" {
		email, ok := identity.ReadNewEmail(r, "emails", input.SampleText(address), "")
		if ok && !conn.Takes(email) {
			r.Add("emails", "", "Use an address of a domain that this connection lists.")
		}
	}
	if len(input.FoldCase(next.UserName)) > maxKey {
		r.Add("userName", "", "Shorten the userName.")
	}
	if len(r.Problems) == 0 {
		return nil
	}
	first := r.Problems[0]
	return problem.Refuse(problem.Invalid, first.Field, scim.InvalidValue, first.Message)
}

// keepAnAdmin refuses to change the last admin, or a break-glass admin. Refusal: Conflict.
func keepAnAdmin(
	ctx context.Context, tx database.Tx, conn connection.Connection, auth *identity.Authorization, id string,
) error {
	u, err := identity.GetUser(ctx, tx, id)
	if err != nil {
		return err
	}
	if err := u.KeepBreakGlass(conn.Actor(), ""); err != nil {
		return err
	}
	return auth.KeepAnAdmin(ctx, tx, "", id)
}

func nameTaken() error {
	return scim.Taken("userName", "There is a user with this userName already.")
}

// refused puts refusals of other rooms into the words of the protocol.
func refused(err error) error {
	switch {
	case problem.Violates(err, "users_email_taken"):
		return scim.Taken("emails", "There is a user with this address already. "+
			"An admin can hand them over to the directory.")
	case problem.Violates(err, "scim_users_name_taken"):
		return nameTaken()
	case problem.Violates(err, "scim_groups_name_taken"):
		return scim.Taken("displayName", "There is a group with this displayName already.")
	}
	if refusal, ok := problem.AsRefusal(err); ok && refusal.Reason == problem.Conflict {
		switch first := refusal.Problems[0]; first.Code {
		case "last_admin", "break_glass":
			return problem.Refuse(problem.Conflict, "", scim.Mutability, first.Message)
		}
	}
	return err
}
