package handlers

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/catalogue"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/models/sample"
	"tollgate/views"
	"tollgate/views/editor"
	"tollgate/views/ui"
)

const profilesHref = "/access-profiles"

// ListAccessProfiles answers a page of profiles.
func (h *Handlers) ListAccessProfiles(c *gin.Context) error {
	q, wanted, err := profileQuery(c)
	if err != nil {
		return err
	}
	found, err := profile.List(reqctx.Of(c), h.DB, wanted)
	if err != nil {
		return err
	}
	if !reqctx.IsAPI(c) {
		if behindEnd(c, q, wanted.Limit, wanted.Offset, len(found.Profiles), found.Total) {
			return nil
		}
		page, err := h.profileListPage(c, q, wanted, found, profile.BulkInput{}, nil)
		if err != nil {
			return err
		}
		reply.HTML(c, h.Log, 200, page)
		return nil
	}
	documents, err := h.profileDocuments.of(reqctx.Of(c), h.DB, found.Profiles, asDocument)
	if err != nil {
		return err
	}
	writeDocument(c, 200, `{"access_profiles":[`, joined(documents),
		fmt.Sprintf(`],"count":%d,"total_count":%d,"limit":%d,"offset":%d}`,
			len(documents), found.Total, wanted.Limit, wanted.Offset))
	return nil
}

// profileQuery reads which part of the list of profiles is asked for.
func profileQuery(c *gin.Context) (*intake.Query, profile.Query, error) {
	q := intake.ReadQuery(c, "limit", "offset", "search", "tags", "is_active", "sort")
	limit, offset := q.Page()
	wanted := profile.Query{
		Limit: limit, Offset: offset, Search: q.Search(), Tags: q.Tags(), IsActive: q.Boolean("is_active"),
		Sort: q.Sort(profile.Sorts), Holders: !reqctx.IsAPI(c),
	}
	return q, wanted, q.Err()
}

// profileListPage is the list, with what was sent for the ticked rows and not accepted.
func (h *Handlers) profileListPage(
	c *gin.Context, q *intake.Query, wanted profile.Query, found profile.Page, sent profile.BulkInput,
	problems problem.Problems,
) (templ.Component, error) {
	profiles, err := h.profileRows.of(reqctx.Of(c), h.DB, found.Profiles, asListed)
	if err != nil {
		return nil, err
	}
	actor := reqctx.Actor(c)
	newcomer := !h.firstStepsDone.Load() && actor.May(permission.CreateAccessProfiles) && actor.May(permission.ViewUsers)
	listing, _, err := h.profileListings.of(reqctx.Of(c), newcomer, h.profileListing)
	if err != nil {
		return nil, err
	}
	list := views.ProfileList{
		Models: listing.models,
		Search: wanted.Search, Kept: kept(q, "search"), Filtered: len(q.Names) > 0,
		NewTag: ui.Typed(
			ui.Field{Name: "tag", Label: "Tag to add", HideLabel: true, Width: "short"}, sent.Tag, problems,
		),
		Bulk:      ui.Bulk{Path: profilesHref, Query: q.Whole(), Ticked: texts(sent.IDs), Problems: problems},
		MayCreate: actor.May(permission.CreateAccessProfiles), MayUpdate: actor.May(permission.UpdateAccessProfiles),
		MayDelete: actor.May(permission.DeleteAccessProfiles),
		States:    stateLinks(q), Tags: tagLinks(q, listing.tags),
		Pager:   pager(q, wanted.Limit, wanted.Offset, int64(len(found.Profiles)), found.Total, "profiles"),
		Name:    sortLink(q, wanted.Sort, "name", "Name", false),
		Updated: sortLink(q, wanted.Sort, "updated_at", "Updated", true),
	}
	if newcomer {
		list.Steps = h.firstSteps(listing.steps)
	}
	now := time.Now()
	for _, profile := range profiles {
		profile.Updated, profile.Held = ui.Ago(profile.changed, now), found.Holders[profile.id]
		list.Rows = append(list.Rows, profile.ProfileRow)
	}
	list.Bulk.Ticked = ui.TickedAmong(list.Rows, func(r views.ProfileRow) string { return r.ID }, list.Bulk.Ticked)
	page := h.page(c, "Profiles", "/access-profiles")
	page.Rows = found.Total > 0
	reply.MarkProblems(&page, problems)
	if list.MayCreate {
		page.Actions = ui.NewButton("New profile", "/access-profiles/new")
	}
	return framed(page, views.ProfileListBody(list)), nil
}

// firstSteps are shown to users who may set a console up, until all are done.
func (h *Handlers) firstSteps(steps sample.FirstSteps) *views.FirstSteps {
	if steps.Done() {
		h.firstStepsDone.Store(true)
		return nil
	}
	return &views.FirstSteps{FirstSteps: steps, BaseURL: h.BaseURL}
}

func tagLink(tag string) string { return "/access-profiles?" + encoded("tags", tag) }

func stateLinks(q *intake.Query) []ui.Link {
	now := q.Get("is_active")
	return []ui.Link{
		{Label: "All", Href: q.Link("is_active", ""), On: now == ""},
		{Label: "Active", Href: q.Link("is_active", "true"), On: now == "true"},
		{Label: "Archived", Href: q.Link("is_active", "false"), On: now == "false"},
	}
}

// tagLinks has a link that toggles each tag. Chosen tags that no profile has stay visible.
func tagLinks(q *intake.Query, tags []string) []ui.Link {
	on := q.Tags()
	var links []ui.Link
	for _, tag := range slices.Concat(tags, missingFrom(tags, on)) {
		rest := without(append([]string{}, on...), input.FoldCase(tag), input.FoldCase)
		active := len(rest) < len(on)
		if !active {
			rest = append(rest, tag)
		}
		links = append(links, ui.Link{Label: tag, Href: q.Link("tags", strings.Join(rest, ",")), On: active})
	}
	return links
}

func missingFrom(known, wanted []string) []string {
	var missing []string
	for _, tag := range wanted {
		if len(without(append([]string{}, known...), input.FoldCase(tag), input.FoldCase)) == len(known) {
			missing = append(missing, tag)
		}
	}
	return missing
}

func (h *Handlers) showProfilePage(c *gin.Context, shown profile.Profile) error {
	offered, err := catalogue.LoadCatalogue(reqctx.Of(c), h.DB)
	if err != nil {
		return err
	}
	page, err := h.tabbedPage(c, shown, "policy")
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, 200, framed(page,
		editor.ProfileBody(editor.ProfileReadOf(shown, offered, time.Now(), tagLink, h.BaseURL))))
	return nil
}

// profilePage is the frame of a page below a profile.
func (h *Handlers) profilePage(c *gin.Context, shown profile.Profile, title string) ui.Page {
	page := h.page(c, title, "/access-profiles")
	page.Crumbs = []ui.Crumb{
		{Label: "Profiles", Href: "/access-profiles"},
		{Label: shown.Name, Href: "/access-profiles/" + strconv.FormatInt(shown.ID, 10)},
	}
	return page
}

// ConfirmDeleteAccessProfile asks before a profile is deleted.
func (h *Handlers) ConfirmDeleteAccessProfile(c *gin.Context) error {
	profile, err := h.loadProfile(c)
	if err != nil {
		return err
	}
	body, err := h.profileDeletion(c, profile, nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, 200, body)
	return nil
}

// profileDeletion is the page that asks before a profile is deleted; while users hold it, it says how many.
func (h *Handlers) profileDeletion(
	c *gin.Context, shown profile.Profile, problems problem.Problems,
) (templ.Component, error) {
	holders, err := profile.CountHolders(reqctx.Of(c), h.DB, []int64{shown.ID})
	if err != nil {
		return nil, err
	}
	roles, err := profile.Roles(reqctx.Of(c), h.DB, shown.ID)
	if err != nil {
		return nil, err
	}
	page := h.profilePage(c, shown, "Delete "+shown.Name+"?")
	href := page.Crumbs[1].Href
	confirm := ui.Confirm{
		Action: href + "/delete", Verb: "Delete " + shown.Name, Cancel: href, Version: strconv.FormatInt(shown.Version, 10),
		Effects: views.ProfileDeletion(shown, roles),
	}
	if holders[shown.ID] > 0 || len(problems) > 0 {
		confirm.Effects, confirm.Blocked = nil, views.ProfileHeld(holders[shown.ID])
		confirm.Remedy = ui.Link{Label: "Users of " + shown.Name, Href: href + "/users"}
	}
	if len(problems) > 0 {
		page.ErrorCode, page.Param = problems[0].Code, problems[0].Field
	}
	return framed(page, ui.ConfirmBody(confirm)), nil
}

// NewClone asks for the name of a copy.
func (h *Handlers) NewClone(c *gin.Context) error {
	shown, err := h.loadProfile(c)
	if err != nil {
		return err
	}
	in := profile.CloneInput{Name: input.FormValue(shown.Name + " copy")}
	if shown.Description != nil {
		in.Description = input.FormValue(*shown.Description)
	}
	reply.HTML(c, h.Log, 200, h.clonePage(c, shown, in, nil))
	return nil
}

func (h *Handlers) clonePage(
	c *gin.Context, shown profile.Profile, in profile.CloneInput, problems problem.Problems,
) templ.Component {
	page := h.profilePage(c, shown, "Duplicate "+shown.Name)
	if len(problems) > 0 {
		page.Problems, page.ErrorCode, page.Param = true, problems[0].Code, problems[0].Field
	}
	return framed(page, editor.CloneBody(editor.CloneForm{
		Href: page.Crumbs[1].Href, Source: shown.Name, Input: in, Problems: problems,
	}))
}
