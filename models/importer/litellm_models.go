package importer

import (
	"slices"
	"strings"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// granted are provider configs for the models that a user or team of LiteLLM, or the default of users, lists.
func (l *litellm) granted(n configfile.Node, path, whose string) configfile.Node {
	models, _ := n.Get("models")
	field, names := join(path, "models"), stringsOf(models)
	switch {
	case len(names) == 0:
		l.note(Changed, n, field, "no models are listed: that means all of them there, which are listed here")
		return l.everything()
	case slices.Contains(names, "all-proxy-models"), slices.Contains(names, "*"):
		l.note(Carried, models, field, "all models")
		return l.everything()
	case slices.Contains(names, "no-default-models"):
		l.note(Changed, models, field, "only the models of their teams there; none are granted here")
		return list()
	}
	allowed := newShop()
	for i, item := range models.Items {
		if !l.allow(allowed, item.Text) {
			l.note(Lost, item, input.Index(field, i), "no model and no group here has the name "+item.Text)
		}
	}
	if len(allowed.names) > 0 {
		l.note(Carried, models, field, "the models of "+whose)
	}
	return l.part(allowed)
}

// allow adds to a shop what a name in a list of models stands for: a model, a group of models, or models of a provider
// of which all are served. It is false for a name of nothing.
func (l *litellm) allow(to *shop, name string) bool {
	found := false
	for _, provider := range l.names {
		for _, model := range l.models[provider] {
			if name == model || name == provider+"/"+model {
				to.add(provider, model)
				found = true
			}
		}
	}
	if group := l.groups[name]; group != nil {
		to.merge(group)
		found = true
	}
	return found || l.allowOf(to, name)
}

// allowOf adds models of a provider by a pattern, or by a name that no deployment has.
func (l *litellm) allowOf(to *shop, name string) bool {
	provider, model := splitModel(name)
	switch {
	case len(l.patterns[name]) > 0:
		for _, of := range l.patterns[name] {
			to.addAll(of)
		}
	case l.all[provider] && model == "*":
		to.addAll(provider)
	case model == "*":
		for _, one := range l.models[provider] {
			to.add(provider, one)
		}
		return len(l.models[provider]) > 0
	case !l.all[provider] || model == "" || strings.HasSuffix(model, "*"):
		return false
	default: // the provider lists it from now on, so that it can be granted by itself
		l.add(provider, model)
		to.add(provider, model)
	}
	return true
}
