package handlers

import (
	"net/http"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/assignment"
	"tollgate/models/catalogue"
	"tollgate/models/configdoc"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/plural"
	"tollgate/models/profile"
	"tollgate/views"
	"tollgate/views/editor"
	"tollgate/views/history"
	"tollgate/views/ui"
)

// ListVersions answers a profile's versions, newest first.
func (h *Handlers) ListVersions(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	q := intake.ReadQuery(c, "limit", "offset")
	limit, offset := q.Number("limit", intake.MaxLimit, 1, intake.MaxLimit), q.Number("offset", 0, 0, 1<<63-1)
	if err := q.Err(); err != nil {
		return err
	}
	versions, total, err := profile.ListVersions(reqctx.Of(c), h.readFrom(c), id, limit, offset)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"versions": versions, "total_count": total})
		return nil
	}
	if behindEnd(c, q, limit, offset, len(versions), total) {
		return nil
	}
	profile, err := h.currentProfile(c, id)
	if err != nil {
		return err
	}
	page, err := h.tabbedPage(c, profile, "versions")
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, framed(page,
		history.VersionsBody(history.VersionsOf(versions, profile.Version, time.Now(),
			pager(q, limit, offset, int64(len(versions)), total, "versions")))))
	return nil
}

// ShowVersion answers one version; its page says what restoring it would change.
func (h *Handlers) ShowVersion(c *gin.Context) error {
	id, number, err := intake.RowIDs(c, "id", "version")
	if err != nil {
		return err
	}
	version, err := profile.FindVersion(reqctx.Of(c), h.readFrom(c), id, number)
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"version": version})
		return nil
	}
	return h.comparePage(c, id, number, nil)
}

// CompareVersions sets any two versions side by side, field by field.
func (h *Handlers) CompareVersions(c *gin.Context) error {
	id, err := intake.RowID(c, "id")
	if err != nil {
		return err
	}
	q := intake.ReadQuery(c, "from", "to")
	from, to := q.Number("from", 1, 1, input.MaxCount), q.Number("to", 1, 1, input.MaxCount)
	if err := q.Err(); err != nil {
		return err
	}
	return h.comparePage(c, id, from, &to)
}

// comparePage shows what differs between a version and another, or the current one.
func (h *Handlers) comparePage(c *gin.Context, id, from int64, to *int64) error {
	profile, err := h.currentProfile(c, id)
	if err != nil {
		return err
	}
	if to == nil {
		to = &profile.Version
	}
	older, err := h.profileAt(c, id, from)
	if err != nil {
		return err
	}
	newer, err := h.profileAt(c, id, *to)
	if err != nil {
		return err
	}
	offered, err := catalogue.LoadCatalogue(reqctx.Of(c), h.readFrom(c))
	if err != nil {
		return err
	}
	compared := history.Comparison{
		From: from, To: *to, Current: profile.Version, Rows: history.Differences(older, newer, offered),
		MayRestore: reqctx.Actor(c).May(permission.UpdateAccessProfiles), Active: profile.IsActive,
	}
	page := h.profilePage(c, profile, compared.Title())
	compared.Href = page.Crumbs[1].Href
	page.Crumbs = append(page.Crumbs, ui.Crumb{Label: "Versions", Href: compared.Href + "/versions"})
	reply.HTML(c, h.Log, http.StatusOK, framed(page, history.CompareBody(compared)))
	return nil
}

// RestoreVersion makes a profile what it was at a version, as a new version.
func (h *Handlers) RestoreVersion(c *gin.Context) error {
	id, number, err := intake.RowIDs(c, "id", "version")
	if err != nil {
		return err
	}
	ifVersion, err := versionOf(c)
	if err != nil {
		return err
	}
	shown, err := profile.RestoreVersion(reqctx.Of(c), h.DB, reqctx.Actor(c), id, ifVersion, number)
	if err != nil {
		return err
	}
	return savedProfile(c, http.StatusOK, shown,
		"Version "+strconv.FormatInt(number, 10)+" was restored as version "+strconv.FormatInt(shown.Version, 10)+
			". Copies are as they were.")
}

// tabbedPage is the frame of a profile's tab: policy, users, roles, versions or audit.
func (h *Handlers) tabbedPage(c *gin.Context, shown profile.Profile, tab string) (ui.Page, error) {
	copies, err := assignment.LoadSpread(reqctx.Of(c), h.readFrom(c), shown.ID)
	if err != nil {
		return ui.Page{}, err
	}
	page := h.profilePage(c, shown, shown.Name)
	href := page.Crumbs[1].Href
	page.Crumbs = page.Crumbs[:1]
	page.Badge = ui.ActiveBadge(shown.IsActive)
	if err := h.managed(c, &page, configdoc.AccessProfile, shown.Name); err != nil {
		return page, err
	}
	actor := reqctx.Actor(c)
	page.Actions = editor.ProfileActions(href, shown.IsActive, copies.Holders > 0, copies.Active,
		actor.May(permission.UpdateAccessProfiles), actor.May(permission.CreateAccessProfiles),
		actor.May(permission.DeleteAccessProfiles))
	page.Tabs = []ui.Tab{
		{Label: "Policy", Href: href, Current: tab == "policy"},
		{Label: "Users", Href: href + "/users", Count: plural.Count(copies.Holders), Current: tab == "users"},
		{Label: "Roles", Href: href + "/roles", Count: plural.Count(copies.Roles), Current: tab == "roles"},
		{Label: "Versions", Href: href + "/versions", Count: plural.Count(shown.Version), Current: tab == "versions"},
		{Label: "Audit", Href: href + "/audit", Current: tab == "audit"},
	}
	mayUpdate := actor.May(permission.UpdateAccessProfiles)
	banner := views.ProfileBanner{
		Profile: shown, Copies: copies, MayUpdate: mayUpdate,
		MayPush: mayUpdate || actor.May(permission.CreateAccessProfiles),
	}
	if !banner.Empty() {
		page.Banner = views.ProfileBannerBody(banner)
	}
	return page, nil
}
