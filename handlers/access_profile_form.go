package handlers

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/assignment"
	"tollgate/models/blast"
	"tollgate/models/catalogue"
	"tollgate/models/configdoc"
	"tollgate/models/database"
	"tollgate/models/input"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/models/profile"
	"tollgate/views/editor"
	"tollgate/views/history"
	"tollgate/views/ui"
)

// profileForm is what the editor sends beside the profile itself.
type profileForm struct {
	profile.Input
	BaseVersion input.Value `form:"version"`
	Op          input.Value `form:"op"`
	NewProvider input.Value `form:"new_provider"`
	Choose      chosen      `form:"choose"`
	Base        input.Value `form:"base"`    // the version that was edited when a late save was refused
	Checked     input.Value `form:"checked"` // set once problems were shown: from then on they are kept up to date
}

// shownForm is one showing of the form: what was typed, and of which profile.
type shownForm struct {
	form     profileForm
	id       int64
	problems problem.Problems
	focus    string
	conflict *editor.EditConflict
}

// decodeProfile reads a profile by either door; a form is completed, since it shows every field.
func decodeProfile(c *gin.Context) (profileForm, error) {
	form, err := intake.Decode[profileForm](c)
	if !reqctx.IsAPI(c) {
		form.Input = form.Whole()
	}
	return form, err
}

func (f profileForm) editsRows() bool {
	return f.Op.Given() && f.Op.Text != "save" && f.Op.Text != saveAndPropagate && f.Op.Text != saveMine
}

// saveMine saves the form over an earlier save, without the choices field by field.
const saveMine = "save-mine"

// saveAndPropagate saves and leads on to the propagation of the profile.
const saveAndPropagate = "save-and-propagate"

// version is the version that the form was made from.
func (f profileForm) version() (*int64, error) { return sentVersion(f.BaseVersion) }

// NewAccessProfile shows the empty editor.
func (h *Handlers) NewAccessProfile(c *gin.Context) error {
	return h.showEditor(c, 200, shownForm{form: profileForm{Input: profile.Input{}.Whole()}, focus: "name"})
}

// EditAccessProfile shows the editor of a profile.
func (h *Handlers) EditAccessProfile(c *gin.Context) error {
	profile, err := h.loadProfile(c)
	if err != nil {
		return err
	}
	form := profileForm{Input: profile.Input(), BaseVersion: numbered(profile.Version)}
	return h.showEditor(c, 200, shownForm{form: form, id: profile.ID})
}

// showEditor renders the editor: a page, or for htmx the form alone.
func (h *Handlers) showEditor(c *gin.Context, status int, e shownForm) error {
	view, err := h.editorView(c, e)
	if err != nil {
		return err
	}
	if reqctx.IsHTMX(c) {
		reply.HTML(c, h.Log, status, editor.Form(view))
		return nil
	}
	page, err := h.editorPage(c, e, view)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, status, page)
	return nil
}

func (h *Handlers) editorPage(c *gin.Context, e shownForm, view editor.Editor) (templ.Component, error) {
	page := h.page(c, view.Title, "/access-profiles")
	page.Crumbs = []ui.Crumb{{Label: "Profiles", Href: "/access-profiles"}}
	if e.id != 0 {
		page.Crumbs = append(page.Crumbs, ui.Crumb{
			Label: view.Draft.Name, Href: "/access-profiles/" + strconv.FormatInt(e.id, 10),
		})
		if err := h.managed(c, &page, configdoc.AccessProfile, view.Draft.Name); err != nil {
			return nil, err
		}
	}
	if len(e.problems) > 0 {
		page.Problems, page.ErrorCode, page.Param = true, e.problems[0].Code, e.problems[0].Field
	}
	return framed(page, editor.Body(view)), nil
}

func (h *Handlers) editorView(c *gin.Context, e shownForm) (editor.Editor, error) {
	offered, err := catalogue.LoadCatalogue(reqctx.Of(c), h.DB)
	if err != nil {
		return editor.Editor{}, err
	}
	body, err := e.form.Body()
	if err != nil {
		return editor.Editor{}, err
	}
	draft, found := e.form.Apply(profile.Profile{IsActive: true})
	problems := e.problems
	switch {
	case problems != nil:
	case e.form.Checked.Given():
		if problems, err = profile.Check(reqctx.Of(c), h.DB, e.id, e.form.Input); err != nil {
			return editor.Editor{}, err
		}
	default:
		problems = shownEarly(found)
	}
	edited := h.edited(c, e)
	radius, err := h.blastRadius(c, edited, draft, offered)
	if err != nil {
		return editor.Editor{}, err
	}
	title := "New profile"
	if e.id != 0 {
		title = "Edit " + draft.Name
	}
	return editor.Editor{
		ID: e.id, Title: title, Refused: e.problems != nil, Version: e.form.BaseVersion.Text,
		Base: e.form.Base.Text, Checked: e.problems != nil || e.form.Checked.Given(),
		Input: e.form.Input, Problems: problems, Draft: draft, Unread: found,
		Catalogue: offered, PickedBefore: pickedBefore(edited), Focus: e.focus, BaseURL: h.BaseURL, Body: body,
		Now: time.Now(), Conflict: e.conflict, Blast: radius,
	}, nil
}

// edited is the version that the form was made from; nil for a new profile.
func (h *Handlers) edited(c *gin.Context, e shownForm) *profile.Profile {
	version, err := e.form.version()
	if err != nil || e.id == 0 {
		return nil
	}
	edited, err := h.profileAt(c, e.id, *version)
	if err != nil {
		return nil // the form names no valid version; saving reports that
	}
	edited.ID, edited.Version = e.id, *version
	return &edited
}

// pickedBefore are the models that the version edited picks, by provider. The editor lists them first; the order stays
// while others are picked.
func pickedBefore(edited *profile.Profile) map[string][]string {
	if edited == nil {
		return nil
	}
	picked := map[string][]string{}
	for _, config := range edited.ProviderConfigs {
		picked[config.ProviderName] = config.AllowedModels
	}
	return picked
}

// blastRadius says what the draft changes, and for whom.
func (h *Handlers) blastRadius(
	c *gin.Context, edited *profile.Profile, draft profile.Profile, offered catalogue.Catalogue,
) (*editor.Blast, error) {
	if edited == nil {
		return nil, nil
	}
	draft.IsActive = edited.IsActive
	radius := &editor.Blast{
		Since: edited.Version, Changes: history.Differences(*edited, draft, offered),
		MayViewUsers: reqctx.Actor(c).May(permission.ViewUsers),
	}
	var err error
	if radius.Copies, err = assignment.LoadSpread(reqctx.Of(c), h.DB, edited.ID); err != nil {
		return nil, err
	}
	if len(radius.Changes) == 0 || radius.Copies.Holders == 0 {
		return radius, nil
	}
	radius.Removed, err = blast.UsedAndRemoved(reqctx.Of(c), h.DB, edited.ID, edited.Policy, draft.Policy, offered)
	if err != nil {
		return nil, err
	}
	radius.Over, err = blast.OverAtOnce(reqctx.Of(c), h.DB, edited.ID, draft.Policy)
	return radius, err
}

// shownEarly are the problems that are shown before the form is saved: values that cannot be read, and rows that
// contradict each other. Empty fields can wait.
func shownEarly(found problem.Problems) problem.Problems {
	empty := map[string]bool{}
	for _, problem := range found {
		if problem.Code == "required" {
			empty[problem.Field] = true
		}
	}
	var early problem.Problems
	for _, problem := range found {
		row := strings.TrimSuffix(problem.Field, ".reset_duration")
		unfilled := problem.Code == "duplicate_budget_window" && empty[row+".max_limit"]
		if problem.Code != "required" && !unfilled {
			early = append(early, problem)
		}
	}
	return early
}

// refuseProfile answers a profile that could not be saved: the form with its problems, or the API's error.
func (h *Handlers) refuseProfile(c *gin.Context, e shownForm, err error) error {
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		if refusal, ok := problem.AsRefusal(err); ok && refusal.Reason == problem.Stale {
			if err := h.describeConflict(c, &e); err != nil {
				return nil, err
			}
		}
		e.problems = problems
		view, err := h.editorView(c, e)
		if err != nil {
			return nil, err
		}
		if reqctx.IsHTMX(c) {
			return editor.Form(view), nil
		}
		return h.editorPage(c, e, view)
	})
}

// alsoInvalid adds all other problems to those of fields that could not be read, so that a client learns of every
// problem at once.
func alsoInvalid(err error, form profileForm, stands profile.Profile) error {
	var refusal *problem.Refusal
	if errors.As(err, &refusal) && refusal.Reason == problem.Unreadable && form.Kind == input.Object {
		_, more := form.Apply(stands)
		refusal.Problems = append(refusal.Problems, more...)
	}
	return err
}

func (h *Handlers) alsoInvalidNow(c *gin.Context, id int64, err error, form profileForm) error {
	document, loadErr := profile.Document(reqctx.Of(c), h.DB, id)
	var stands profile.Profile
	if loadErr != nil || database.ReadDocument(document, &stands) != nil {
		return err
	}
	return alsoInvalid(err, form, stands)
}
