package handlers

import (
	"net/http"

	"github.com/a-h/templ"
	"github.com/gin-gonic/gin"

	"tollgate/handlers/intake"
	"tollgate/handlers/reply"
	"tollgate/handlers/reqctx"
	"tollgate/models/catalogue"
	"tollgate/models/configdoc"
	"tollgate/models/permission"
	"tollgate/models/problem"
	"tollgate/views/inventory"
	"tollgate/views/ui"
)

// ListProviders answers a page of providers.
func (h *Handlers) ListProviders(c *gin.Context) error {
	return catalogueList[catalogue.Provider]{
		plural: "providers", title: "Providers", href: "/providers", noun: "providers", resource: "Providers",
		intro: "The models that profiles can pick from.", newOne: "New provider", read: catalogue.ListProviders,
		body: func(frame ui.ListFrame, rows []catalogue.Provider) templ.Component {
			return inventory.ProviderListBody(inventory.ProviderList{ListFrame: frame, Providers: rows})
		},
	}.answer(h, c)
}

// NewProvider shows an empty form.
func (h *Handlers) NewProvider(c *gin.Context) error {
	return h.ask(c, func(c *gin.Context, problems problem.Problems) (templ.Component, error) {
		return h.providerForm(c, catalogue.Provider{}, catalogue.ProviderInput{}, problems)
	})
}

// CreateProvider adds a provider.
func (h *Handlers) CreateProvider(c *gin.Context) error {
	in, err := intake.DecodeWhole[catalogue.ProviderInput](c)
	if err == nil {
		var provider catalogue.Provider
		if provider, err = catalogue.CreateProvider(reqctx.Of(c), h.DB, reqctx.Actor(c), in); err == nil {
			return saved(c, http.StatusCreated, "provider", provider, "/providers/"+provider.Name, provider.Name+" was added."+pricesReadAs(in))
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.providerForm(c, catalogue.Provider{}, in, problems)
	})
}

// ShowProvider answers one provider; its page says what uses it.
func (h *Handlers) ShowProvider(c *gin.Context) error {
	provider, err := catalogue.GetProvider(reqctx.Of(c), h.DB, c.Param("name"))
	if err != nil {
		return err
	}
	if reqctx.IsAPI(c) {
		reply.JSON(c, http.StatusOK, gin.H{"provider": provider})
		return nil
	}
	return h.showProviderPage(c, provider)
}

func (h *Handlers) showProviderPage(c *gin.Context, provider catalogue.Provider) error {
	use, err := catalogue.ProviderUse(reqctx.Of(c), h.DB, provider.Name)
	if err != nil {
		return err
	}
	q := intake.ReadQuery(c, "search", "price")
	read := inventory.ProviderRead{Provider: provider, Use: use, Search: q.Search(), Price: q.Get("price")}
	if err := q.Err(); err != nil {
		return err
	}
	page := h.below(c, provider.Name, "Providers", "/providers", "", "")
	if err := h.managed(c, &page, configdoc.Provider, provider.Name); err != nil {
		return err
	}
	page.Actions = inventory.CatalogueActions(
		"/providers/"+provider.Name, reqctx.Actor(c).May(permission.UpdateProviders), reqctx.Actor(c).May(permission.DeleteProviders),
	)
	reply.HTML(c, h.Log, http.StatusOK, framed(page, inventory.ProviderBody(read)))
	return nil
}

// EditProvider shows the form of a provider as it stands.
func (h *Handlers) EditProvider(c *gin.Context) error {
	provider, err := catalogue.GetProvider(reqctx.Of(c), h.DB, c.Param("name"))
	if err != nil {
		return err
	}
	page, err := h.providerForm(c, provider, provider.Input(), nil)
	if err != nil {
		return err
	}
	reply.HTML(c, h.Log, http.StatusOK, page)
	return nil
}

// UpdateProvider changes the fields sent.
func (h *Handlers) UpdateProvider(c *gin.Context) error {
	name := c.Param("name")
	in, err := intake.DecodeWhole[catalogue.ProviderInput](c)
	if err == nil {
		var provider catalogue.Provider
		if provider, err = catalogue.UpdateProvider(reqctx.Of(c), h.DB, reqctx.Actor(c), name, in); err == nil {
			return saved(c, http.StatusOK, "provider", provider, "/providers/"+name, name+" was saved."+pricesReadAs(in))
		}
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		provider, err := catalogue.GetProvider(reqctx.Of(c), h.DB, name)
		if err != nil {
			return nil, err
		}
		return h.providerForm(c, provider, in, problems)
	})
}

// pricesReadAs says that pasted prices were converted.
func pricesReadAs(in catalogue.ProviderInput) string {
	if unit := catalogue.ReadAs(in.PriceLines.Text); unit != "" {
		return " The prices were read as " + unit + ", as their header says, and are shown per million."
	}
	return ""
}

// ConfirmDeleteProvider asks before a provider is deleted.
func (h *Handlers) ConfirmDeleteProvider(c *gin.Context) error {
	return h.ask(c, h.providerDeletion)
}

// DeleteProvider removes a provider that no profile names.
func (h *Handlers) DeleteProvider(c *gin.Context) error {
	if err := intake.NoFields(c); err != nil {
		return err
	}
	name := c.Param("name")
	err := catalogue.DeleteProvider(reqctx.Of(c), h.DB, reqctx.Actor(c), name)
	if err == nil {
		return deleted(c, name, "/providers")
	}
	return h.refuse(c, err, func(problems problem.Problems) (templ.Component, error) {
		return h.providerDeletion(c, problems)
	})
}

func (h *Handlers) providerDeletion(c *gin.Context, problems problem.Problems) (templ.Component, error) {
	provider, err := catalogue.GetProvider(reqctx.Of(c), h.DB, c.Param("name"))
	if err != nil {
		return nil, err
	}
	use, err := catalogue.ProviderUse(reqctx.Of(c), h.DB, provider.Name)
	if err != nil {
		return nil, err
	}
	href := "/providers/" + provider.Name
	page := h.below(c, "Delete "+provider.Name+"?", "Providers", "/providers", provider.Name, href)
	return deletion(page, provider.Name, href, []string{
		"The provider is deleted with its list of models; profiles can no longer grant them.",
		"No profile names it now.",
	}, use, problems), nil
}

// providerForm is the form of a new provider, or of the one given.
func (h *Handlers) providerForm(
	c *gin.Context, provider catalogue.Provider, in catalogue.ProviderInput, problems problem.Problems,
) (templ.Component, error) {
	name, href, title := provider.Name, "/providers/"+provider.Name, "New provider"
	if name != "" {
		title = "Edit " + name
	}
	notice, err := h.meanwhile(c, edited{
		"provider", name, name, href + "/edit", provider.UpdatedAt,
	}, &in.Version, problems)
	if err != nil {
		return nil, err
	}
	page := h.below(c, title, "Providers", "/providers", name, href)
	reply.MarkProblems(&page, problems)
	form := inventory.ProviderFormBody(inventory.ProviderForm{Name: name, Input: in, Problems: problems})
	return framed(page, reply.Within(form, notice)), nil
}
