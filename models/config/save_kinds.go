package config

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"tollgate/models/attachment"
	"tollgate/models/catalogue"
	"tollgate/models/configdoc"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/mcptool"
	"tollgate/models/policy"
	"tollgate/models/profile"
	"tollgate/models/setting"
)

func (s *saver) provider(ctx context.Context, w configdoc.Wanted, old *current) error {
	in := w.Document.(*configdoc.ProviderDocument).Whole()
	if old == nil {
		_, err := catalogue.CreateProvider(ctx, s.tx, s.actor, in)
		return err
	}
	_, err := catalogue.UpdateProvider(ctx, s.tx, s.actor, old.Name, in)
	return err
}

// server saves a server. Tools that others still name are removed at the end of the run, by finishServer.
func (s *saver) server(ctx context.Context, w configdoc.Wanted, old *current) error {
	in := w.Document.(*configdoc.ServerDocument).Whole()
	if old == nil {
		_, err := mcptool.CreateServer(ctx, s.tx, s.keys, s.actor, in)
		return err
	}
	wished := configdoc.Texts(in.Tools)
	if gone := mcptool.Without(old.tools, wished); len(gone) > 0 {
		s.later = append(s.later, w)
		if slices.Equal(mcptool.Without(wished, gone), wished) && len(mcptool.Without(wished, old.tools)) == 0 {
			return nil
		}
		for _, tool := range gone {
			in.Tools.Items = append(slices.Clip(in.Tools.Items), input.SampleText(tool))
		}
	}
	_, err := mcptool.UpdateServer(ctx, s.tx, s.keys, s.actor, old.Name, in)
	return err
}

// finishServer brings a server into its final state when nothing names the tools any more that it loses.
func (s *saver) finishServer(ctx context.Context, w configdoc.Wanted) error {
	_, err := mcptool.UpdateServer(ctx, s.tx, s.keys, s.actor, w.Name, w.Document.(*configdoc.ServerDocument).Whole())
	return err
}

func (s *saver) toolGroup(ctx context.Context, w configdoc.Wanted, old *current) error {
	in := w.Document.(*configdoc.GroupDocument).Whole()
	if old == nil {
		g, err := mcptool.CreateToolGroup(ctx, s.tx, s.actor, in)
		s.groups[w.Key] = g.ID
		return err
	}
	s.groups[w.Key] = old.id
	_, err := mcptool.UpdateToolGroup(ctx, s.tx, s.actor, old.id, in)
	return err
}

func (s *saver) role(ctx context.Context, w configdoc.Wanted, old *current) error {
	in := w.Document.(*configdoc.RoleDocument).Whole()
	if old == nil {
		r, err := identity.CreateRole(ctx, s.tx, s.actor, in)
		s.roles[w.Key] = r.ID
		return err
	}
	s.roles[w.Key] = old.id
	_, err := identity.UpdateRole(ctx, s.tx, s.actor, old.id, in)
	return err
}

func (s *saver) profile(ctx context.Context, w configdoc.Wanted, old *current) error {
	d, answer := w.Document.(*configdoc.ProfileDocument), w.Resource.(configdoc.ProfileAnswer)
	in := d.Whole()
	for _, name := range answer.MCPToolGroups {
		id := input.SampleNumber(strconv.FormatInt(s.groups[input.NameKey(name)], 10))
		in.MCPToolGroups.Items = append(in.MCPToolGroups.Items,
			policy.ToolGroupGrantInput{Row: input.Row{Kind: input.Object}, ToolGroupID: id})
	}
	p, attached, err := s.storeProfile(ctx, in, old)
	if err != nil {
		return err
	}
	s.profiles[w.Key] = p.ID
	if p.IsActive != answer.IsActive {
		if _, err := profile.SetActive(ctx, s.tx, s.actor, p.ID, nil, answer.IsActive); err != nil {
			return err
		}
	}
	return s.attachments(ctx, p.ID, attached, answer.Roles)
}

// storeProfile creates or changes a profile, and returns the roles that it was attached to.
func (s *saver) storeProfile(
	ctx context.Context, in profile.Input, old *current,
) (profile.Profile, []configdoc.AttachedRole, error) {
	if old == nil {
		p, err := profile.Create(ctx, s.tx, s.actor, in)
		return p, nil, err
	}
	p, err := profile.Update(ctx, s.tx, s.actor, old.id, nil, in)
	return p, old.roles, err
}

// attachments attaches and detaches roles, of which one may have another name by now; copies that users have stay.
func (s *saver) attachments(ctx context.Context, id int64, had, wished []configdoc.AttachedRole) error {
	before, after := attachedByID(had, s.formerRoles), attachedByID(wished, s.roles)
	for _, isDefault := range []bool{false, true} {
		in := attachment.AttachInput{
			RoleIDs:   input.List[input.Value]{Kind: input.Array},
			IsDefault: input.Value{Kind: input.Bool, Text: strconv.FormatBool(isDefault)},
		}
		for _, role := range slices.Sorted(maps.Keys(after)) {
			if was, attached := before[role]; after[role] == isDefault && (!attached || was != isDefault) {
				in.RoleIDs.Items = append(in.RoleIDs.Items, input.SampleNumber(strconv.FormatInt(role, 10)))
			}
		}
		if len(in.RoleIDs.Items) == 0 {
			continue
		}
		if _, err := attachment.AttachRoles(ctx, s.tx, s.actor, id, in); err != nil {
			return err
		}
	}
	for _, role := range slices.Sorted(maps.Keys(before)) {
		if _, stays := after[role]; stays {
			continue
		}
		if _, err := attachment.DetachRole(ctx, s.tx, s.actor, id, role, false); err != nil {
			return err
		}
	}
	return nil
}

// attachedByID is whether each role, by its id, hands a profile out by default.
func attachedByID(roles []configdoc.AttachedRole, ids map[string]int64) map[int64]bool {
	attached := make(map[int64]bool, len(roles))
	for _, role := range roles {
		attached[ids[input.NameKey(role.Role)]] = role.IsDefault
	}
	return attached
}

func (s *saver) settings(ctx context.Context, w configdoc.Wanted) error {
	_, err := setting.SetGatewayAddress(ctx, s.tx, s.actor, w.Document.(*configdoc.SettingsDocument).Whole())
	return err
}
