package importer

import (
	"fmt"
	"slices"
	"strings"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// LiteLLM reads a config.yaml of LiteLLM's proxy: a catalogue of models with prices, MCP servers, and the defaults of
// users. People, teams and keys are in its database and not in the file.
func LiteLLM(file string, content []byte) (Result, error) {
	root, err := parseOf("LiteLLM", file, content)
	if err != nil {
		return Result{}, err
	}
	l := newLiteLLM(reader{file: file})
	for _, m := range root.Members {
		l.section(m)
	}
	l.notePrices()
	l.finish()
	return l.sorted(), nil
}

func newLiteLLM(r reader) *litellm {
	return &litellm{
		reader: r, shop: newShop(), groups: map[string]*shop{}, served: map[string][]string{},
		patterns: map[string][]string{}, whose: "the default profile",
	}
}

type litellm struct {
	reader
	*shop
	groups     map[string]*shop // by access group
	groupNames []string
	served     map[string][]string // the providers of each model name
	patterns   map[string][]string // the providers of each pattern of model names
	zone       string
	only       configfile.Member // what lists the models of the default profile, by its path; nothing for all
	budget     configfile.Node   // of the default profile
	rate       configfile.Node
	whose      string // the profile that budget and rate are of
	apart      bool   // users have profiles of their own
	unpriced   []deployment
}

const inGateway = "it belongs in the gateway and stays there"

func (l *litellm) section(m configfile.Member) {
	switch m.Name {
	case "model_list":
		for i, item := range m.Node.Items {
			l.model(item, input.Index("model_list", i))
		}
	case "litellm_settings":
		l.settings(m.Node, m.Name)
	case "general_settings":
		l.general(m.Node, m.Name)
	case "router_settings":
		l.router(m.Node, m.Name)
	case "mcp_servers":
		for _, server := range m.Node.Members {
			l.server(server, join(m.Name, server.Name))
		}
	case "environment_variables", "credential_list":
		l.note(Secret, at(m), m.Name, "it is in no file here; give it to the gateway as before")
	default:
		l.note(Stays, at(m), m.Name, inGateway)
	}
}

// model reads one deployment.
func (l *litellm) model(n configfile.Node, path string) {
	name, _ := n.Get("model_name")
	params, _ := n.Get("litellm_params")
	info, _ := n.Get("model_info")
	called, _ := params.Get("model")
	provider, behind := splitModel(called.Text)
	if custom, ok := params.Get("custom_llm_provider"); ok && custom.Text != "" {
		provider, behind = usual(custom.Text), called.Text
	}
	l.rest(n, path, Stays, inGateway, "model_name", "litellm_params", "model_info")
	l.rest(params, path+".litellm_params", Stays, inGateway, append(priceFields(), "model", "custom_llm_provider")...)
	l.rest(info, path+".model_info", Stays, inGateway, append(priceFields(), "access_groups")...)
	switch {
	case provider == "":
		l.note(Lost, n, path, "the model "+called.Text+" names no provider, and none can be told from its name")
		return
	case name.Text == "" || name.Text == "*":
		l.note(Lost, n, path, "a name for every model of every provider allows nothing here: name the providers")
		return
	case strings.HasSuffix(name.Text, "*"):
		l.pattern(deployment{provider, "*", n, path}, name.Text, behind)
		return
	}
	model := strings.TrimPrefix(name.Text, provider+"/")
	l.add(provider, model)
	if before := l.served[name.Text]; len(before) > 0 && !slices.Contains(before, provider) {
		l.note(Changed, n, path, name.Text+" is served by "+strings.Join(append(before, provider), " and ")+
			": it is granted, priced and counted under each")
	} else {
		l.note(Carried, n, path, provider+"/"+model)
	}
	l.served[name.Text] = append(l.served[name.Text], provider)
	l.lostPrices(params, path+".litellm_params")
	l.lostPrices(info, path+".model_info")
	l.tokenPrices(deployment{provider, model, n, path}, params, info)
	l.access(info, path+".model_info", provider, model)
}

// pattern reads a deployment that serves all models whose names begin alike, by the names behind it.
func (l *litellm) pattern(d deployment, name, behind string) {
	if strings.TrimSuffix(name, "*") != d.provider+"/" || behind != "*" {
		l.note(Changed, d.at, d.path, "the pattern "+name+" becomes all models of "+d.provider)
	} else {
		l.note(Carried, d.at, d.path, "all models of "+d.provider)
	}
	l.addAll(d.provider)
	l.patterns[name] = append(l.patterns[name], d.provider)
	l.unpriced = append(l.unpriced, d)
	for _, part := range []string{"litellm_params", "model_info"} {
		of, _ := d.at.Get(part)
		for _, m := range of.Members {
			if slices.Contains(priceFields(), m.Name) && m.Node.Kind != input.Null {
				l.note(Lost, at(m), join(join(d.path, part), m.Name), "a price here is that of one model: list the models that have it")
			}
		}
	}
	info, _ := d.at.Get("model_info")
	l.access(info, d.path+".model_info", d.provider, d.model)
}

// access reads the groups of a model, each of which becomes a profile.
func (l *litellm) access(info configfile.Node, path, provider, model string) {
	groups, ok := info.Get("access_groups")
	if !ok {
		return
	}
	for _, name := range stringsOf(groups) {
		if l.groups[name] == nil {
			l.groups[name] = newShop()
			l.groupNames = append(l.groupNames, name)
		}
		if model == "*" {
			l.groups[name].addAll(provider)
		} else {
			l.groups[name].add(provider, model)
		}
	}
	l.note(Carried, groups, path+".access_groups", "a profile for each group")
}

func (l *litellm) finish() {
	taken := map[string]bool{}
	limited := l.budget.Kind != input.Absent || l.rate.Kind != input.Absent
	if (len(l.names) > 0 || limited) && !l.apart {
		allowed := l.everything()
		if l.only.Name != "" {
			allowed = l.granted(l.only.Node, l.only.Name, l.whose)
		}
		l.Profiles = append(l.Profiles, l.profile(free(taken, "Default"), allowed, l.budget, l.rate))
	}
	for _, name := range l.groupNames {
		allowed := l.groups[name].everything()
		l.Profiles = append(l.Profiles, l.profile(free(taken, name), allowed, configfile.Node{}, configfile.Node{}))
	}
	l.Providers = l.documents()
}

// free is a name that is not taken, in any case, and takes it.
func free(taken map[string]bool, name string) string {
	found := name
	for n := 2; taken[input.NameKey(found)]; n++ {
		found = fmt.Sprint(name, " ", n)
	}
	taken[input.NameKey(found)] = true
	return found
}

// profile is a profile whose budgets follow the calendar, as LiteLLM's do.
func (l *litellm) profile(name string, configs, budgets, rate configfile.Node) configfile.Node {
	aligned, zone := configfile.Node{}, configfile.Node{}
	if budgets.Kind == input.Array {
		aligned = truth(true)
		if l.zone != "" {
			zone = text(l.zone)
		}
	}
	return object("kind", text("access_profile"), "name", text(name), "provider_configs", configs, "budgets", budgets,
		"rate_limit", rate, "calendar_aligned", aligned, "time_zone", zone)
}
