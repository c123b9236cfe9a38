package importer

import (
	"slices"
	"strings"

	"tollgate/models/configfile"
	"tollgate/models/input"
)

// BifrostOptions are what an import does that is not asked for otherwise.
type BifrostOptions struct {
	Holders bool       // write a user for each key whose value can be adopted
	Share   TeamBudget // of teams and customers, among their keys
}

// Bifrost reads a config.json of Bifrost: providers, MCP servers, and a profile for each virtual key. Who holds a key
// is not in the file.
func Bifrost(file string, content []byte, options BifrostOptions) (Result, error) {
	root, err := parseOf("Bifrost", file, content)
	if err != nil {
		return Result{}, err
	}
	b := &bifrost{
		reader: reader{file: file}, shop: newShop(), budgets: map[string]configfile.Node{},
		rates: map[string]configfile.Node{}, BifrostOptions: options, addresses: map[string]bool{},
		shared: map[owner][]configfile.Node{}, first: map[string]deployment{},
	}
	for _, m := range root.Members {
		b.section(m)
	}
	if governance, ok := root.Get("governance"); ok {
		b.governance(governance, "governance")
	}
	b.notePrices()
	b.Providers = b.documents()
	for _, s := range b.servers {
		b.Servers = append(b.Servers, object("kind", text("mcp_client"), "client_id", text(s.name), "name", text(s.name), "url", s.url,
			"tools", texts(s.tools)))
	}
	return b.sorted(), nil
}

type bifrost struct {
	reader
	*shop
	budgets, rates map[string]configfile.Node // by id
	owned          []configfile.Node          // budgets that name what they limit
	servers        []*server
	BifrostOptions
	addresses map[string]bool             // of the users who were written
	first     map[string]deployment       // where each provider is named first
	shared    map[owner][]configfile.Node // what each key gets of the budgets of teams and customers
}

// server is an MCP server and the tools that are named of it.
type server struct {
	name  string
	url   configfile.Node
	tools []string
}

func (b *bifrost) section(m configfile.Member) {
	switch m.Name {
	case "providers":
		for _, provider := range m.Node.Members {
			b.ofProvider(provider, join(m.Name, provider.Name))
		}
	case "mcp":
		clients, _ := m.Node.Get("client_configs")
		for i, client := range clients.Items {
			b.server(client, input.Index("mcp.client_configs", i))
		}
		b.rest(m.Node, m.Name, Stays, inGateway, "client_configs")
	case "governance":
	case "auth_config":
		b.note(Secret, at(m), m.Name, "users sign in here with accounts of their own")
	default:
		b.note(Stays, at(m), m.Name, inGateway)
	}
}

func (b *bifrost) ofProvider(m configfile.Member, path string) {
	b.named(m.Name, at(m), path)
	b.note(Carried, at(m), path, "the provider "+m.Name)
	keys, _ := m.Node.Get("keys")
	for i, key := range keys.Items {
		of := input.Index(path+".keys", i)
		models, ok := key.Get("models")
		names := stringsOf(models)
		switch {
		case ok && len(names) == 0:
			b.note(Changed, models, of+".models", "an empty list means all models in some "+
				"releases and none in others: list them")
		case ok && !slices.Contains(names, "*"):
			b.note(Carried, models, of+".models", "models of the provider")
			for _, name := range names {
				b.add(m.Name, name)
			}
		case ok:
			b.note(Carried, models, of+".models", "all models")
		}
		if refused, ok := key.Get("blacklisted_models"); ok && len(refused.Items) > 0 {
			b.note(Lost, refused, of+".blacklisted_models", "profiles list what is allowed")
		}
		b.rest(key, of, Stays, inGateway, "models", "blacklisted_models")
	}
	if overrides, ok := m.Node.Get("pricing_overrides"); ok && len(overrides.Items) > 0 {
		b.note(Lost, overrides, join(path, "pricing_overrides"), "prices of patterns: write them at their models")
	}
	b.rest(m.Node, path, Stays, inGateway, "keys", "pricing_overrides")
}

// named adds a provider, and keeps where it was named first.
func (b *bifrost) named(provider string, at configfile.Node, path string) {
	b.provider(provider)
	if b.first[provider].path == "" {
		b.first[provider] = deployment{at: at, path: path}
	}
}

func (b *bifrost) server(n configfile.Node, path string) {
	name, _ := n.Get("name")
	kind, _ := n.Get("connection_type")
	address, ok := n.Get("connection_string")
	url := configfile.Node{}
	if ok && kind.Text != "stdio" && strings.HasPrefix(address.Text, "http") {
		url = text(address.Text)
		b.note(Carried, n, path, "the MCP server "+name.Text)
	} else {
		b.note(Changed, n, path, "a server that the gateway starts itself, or whose address is a secret, has no address here")
	}
	tools, _ := n.Get("tools_to_execute")
	b.rest(n, path, Stays, inGateway, "name", "connection_type", "connection_string", "tools_to_execute")
	b.tool(name.Text, stringsOf(tools)...).url = url
}

// tool adds tools of a server, which is made when it is not known.
func (b *bifrost) tool(name string, tools ...string) *server {
	i := slices.IndexFunc(b.servers, func(s *server) bool { return s.name == name })
	if i < 0 {
		i, b.servers = len(b.servers), append(b.servers, &server{name: name})
	}
	for _, tool := range tools {
		if tool != "*" && !slices.Contains(b.servers[i].tools, tool) {
			b.servers[i].tools = append(b.servers[i].tools, tool)
		}
	}
	return b.servers[i]
}

func (b *bifrost) governance(n configfile.Node, path string) {
	for _, kind := range []struct {
		name string
		into map[string]configfile.Node
	}{{"budgets", b.budgets}, {"rate_limits", b.rates}} {
		rows, ok := n.Get(kind.name)
		if ok {
			b.note(Carried, rows, join(path, kind.name), "with the keys and providers that they limit")
		}
		for _, row := range rows.Items {
			if id, ok := row.Get("id"); ok {
				kind.into[id.Text] = row
			}
			if kind.name == "budgets" {
				b.owned = append(b.owned, row)
			}
		}
	}
	keys, _ := n.Get("virtual_keys")
	for _, name := range []string{"teams", "customers"} {
		switch shared, ok := n.Get(name); {
		case ok && len(shared.Items) > 0 && b.Share != LoseTeamBudget:
			b.shareOut(n, shared, keys, join(path, name))
		case ok && len(shared.Items) > 0:
			b.note(Lost, shared, join(path, name), "budgets that several share; a limit here is of one user")
		case ok:
			b.note(Carried, shared, join(path, name), "there are none")
		}
	}
	for i, key := range keys.Items {
		b.key(key, input.Index(path+".virtual_keys", i), ownersOf(n, key))
	}
	if overrides, ok := n.Get("pricing_overrides"); ok && len(overrides.Items) > 0 {
		b.note(Lost, overrides, join(path, "pricing_overrides"), "prices of patterns and scopes: write them at their models")
	}
	b.rest(n, path, Stays, inGateway, "budgets", "rate_limits", "teams", "customers", "virtual_keys", "pricing_overrides")
}

// key reads a virtual key, which becomes a profile.
func (b *bifrost) key(n configfile.Node, path string, owners []owner) {
	name, _ := n.Get("name")
	id, _ := n.Get("id")
	description, _ := n.Get("description")
	configs, _ := n.Get("provider_configs")
	b.holder(n, path, name.Text)
	providers := list()
	for i, config := range configs.Items {
		providers.Items = append(providers.Items, b.config(config, input.Index(path+".provider_configs", i)))
	}
	if len(providers.Items) == 0 {
		providers = b.everything()
		b.note(Changed, n, path+".provider_configs", "a key without providers may use all of "+
			"them in some releases: all are granted")
	}
	servers, overrides := b.tools(n, path)
	active := configfile.Node{}
	if on, ok := n.Get("is_active"); ok && on.Text == "false" {
		active = on
	}
	budgets := b.budgetsOf(n, path, func(row configfile.Node) bool {
		owner, _ := row.Get("virtual_key_id")
		config, _ := row.Get("provider_config_id")
		return id.Text != "" && owner.Text == id.Text && config.Kind == input.Absent
	})
	for _, of := range owners {
		budgets = lowest(budgets, b.shared[of])
	}
	b.rest(n, path, Stays, inGateway, "id", "name", "description", "is_active", "provider_configs", "mcp_configs", "budget_id",
		"budgets", "rate_limit_id", "rate_limit", "calendar_aligned", "value")
	aligned, _ := n.Get("calendar_aligned")
	b.Profiles = append(b.Profiles, object("kind", text("access_profile"), "name", text(name.Text), "description", description,
		"is_active", active, "provider_configs", providers, "budgets", budgets, "rate_limit", b.rateOf(n, path),
		"calendar_aligned", aligned, "mcp_servers", servers, "mcp_tool_overrides", overrides))
}

func (b *bifrost) config(n configfile.Node, path string) configfile.Node {
	provider, _ := n.Get("provider")
	b.named(provider.Text, provider, join(path, "provider"))
	models, listed := n.Get("allowed_models")
	names := stringsOf(models)
	all, allowed := configfile.Node{}, texts(names)
	switch {
	case slices.Contains(names, "*"):
		all, allowed = truth(true), configfile.Node{}
		b.note(Carried, n, path, "all models of "+provider.Text)
	case len(names) == 0:
		b.note(Changed, n, path, "no models are listed: that means all of them in some releases; none are granted here")
	default:
		b.note(Carried, models, path+".allowed_models", "models of "+provider.Text)
		for _, name := range names {
			b.add(provider.Text, name)
		}
	}
	if refused, ok := n.Get("blacklisted_models"); ok && len(refused.Items) > 0 {
		b.note(Lost, refused, path+".blacklisted_models", "profiles list what is allowed")
	}
	id, _ := n.Get("id")
	budgets := b.budgetsOf(n, path, func(row configfile.Node) bool {
		owner, _ := row.Get("provider_config_id")
		return id.Kind != input.Absent && owner.Kind != input.Absent && owner.Text == id.Text
	})
	b.rest(n, path, Stays, inGateway, "id", "provider", "allowed_models", "blacklisted_models", "budget_id", "budgets",
		"rate_limit_id", "rate_limit")
	if !listed || len(names) == 0 {
		allowed = list()
	}
	return object("provider_name", text(provider.Text), "all_models_allowed", all, "allowed_models", allowed, "budgets", budgets,
		"rate_limit", b.rateOf(n, path))
}

// tools reads which tools a key may call.
func (b *bifrost) tools(n configfile.Node, path string) (servers, overrides configfile.Node) {
	configs, _ := n.Get("mcp_configs")
	for i, config := range configs.Items {
		of := input.Index(path+".mcp_configs", i)
		client, _ := config.Get("mcp_client_name")
		allowed, _ := config.Get("tools_to_execute")
		names := stringsOf(allowed)
		b.tool(client.Text, names...)
		if slices.Contains(names, "*") {
			servers.Kind, servers.Items = input.Array, append(servers.Items, text(client.Text))
		} else {
			for _, name := range names {
				overrides.Kind = input.Array
				overrides.Items = append(overrides.Items, object("mcp_client_id", text(client.Text), "tool_name", text(name),
					"action", text("include")))
			}
		}
		b.note(Carried, config, of, "tools of "+client.Text)
	}
	return servers, overrides
}
