package e2e

import (
	"strings"
	"testing"
)

// TestCatalogue adds a provider, an MCP server and a tool group, uses them in a profile, and deletes them once no
// profile names them.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	for _, way := range ways {
		t.Run(way.name, func(t *testing.T) {
			t.Parallel()
			s := open(t, visit{plain: way.plain})
			prefix := strings.ToLower(strings.Fields(way.name)[0])
			provider, server, group := prefix+"-cloud", prefix+"-desk", "Group "+way.name
			s.addToCatalogue(provider, server, group)
			s.editCatalogue(provider, server)

			name := "Catalogue " + way.name
			s.to("/access-profiles/new")
			s.fill("Name", name)
			s.addProvider(provider)
			s.must(s.card(provider).GetByLabel("small-2", exactly).Check())
			s.tick(group)
			s.tick(server)
			s.click(s.button("Create profile"))
			s.sees(s.text(name + " was created."))

			s.refusesDeletion("/providers/"+provider, provider, name)
			s.refusesDeletion("/mcp/clients/"+server, "Desk "+server, name)
			s.refusesDeletion(s.groupPath(group), group, name)
			s.to("/access-profiles?search=Catalogue")
			s.click(s.link(name))
			s.click(s.GetByLabel("More actions"))
			s.click(s.link("Delete…"))
			s.click(s.button("Delete " + name))
			s.sees(s.text("The profile was deleted."))

			s.deletes(s.groupPath(group), group, "The tool group")
			s.deletes("/providers/"+provider, provider, provider)
			s.deletes("/mcp/clients/"+server, "Desk "+server, server)
		})
	}
}

func (s *screen) addToCatalogue(provider, server, group string) {
	s.t.Helper()
	s.to("/providers")
	s.click(s.link("New provider"))
	s.focused(s.field("Name"))
	s.fill("Models optional", "small-1\nsmall-1")
	s.click(s.button("Create provider"))
	s.focused(s.Locator("#problems"))
	s.holds("Models optional", "small-1\nsmall-1")
	s.fill("Name", provider)
	s.fill("Models optional", "small-1\nlarge-1")
	s.click(s.button("Create provider"))
	s.arrives("/providers/" + provider)
	s.sees(s.text(provider + " was added."))

	s.to("/mcp/clients")
	s.click(s.link("New MCP server"))
	s.fill("Name", "Desk "+server)
	s.fill("Id optional", server)
	s.fill("Address optional", "not an address")
	s.fill("Tools optional", "open_ticket\nclose_ticket")
	s.click(s.button("Create MCP server"))
	s.focused(s.Locator("#problems"))
	s.holds("Tools optional", "open_ticket\nclose_ticket")
	s.fill("Address optional", "")
	s.click(s.button("Create MCP server"))
	s.arrives("/mcp/clients/" + server)

	s.to("/mcp/tool-groups")
	s.click(s.link("New tool group"))
	s.fill("Name", group)
	branch := s.role("group", "Tools of "+server)
	s.click(s.Locator("summary").Filter(filterText(server)))
	every := branch.GetByLabel("All tools of "+server+", including future tools", exactly)
	s.must(every.Check())
	s.must(expect(branch.GetByLabel(server+" open_ticket", exactly)).ToBeHidden())
	s.must(every.Uncheck())
	s.must(branch.GetByLabel(server+" open_ticket", exactly).Check())
	s.click(s.button("Create tool group"))
	s.arrives(`/mcp/tool-groups/\d+`)
	s.sees(s.text("open_ticket"))
	s.gone(s.text("close_ticket"))
}

func (s *screen) editCatalogue(provider, server string) {
	s.t.Helper()
	s.to("/providers/" + provider)
	s.click(s.link("Edit"))
	s.fill("Models optional", "small-1\nsmall-2\nlarge-1")
	s.click(s.button("Save"))
	s.arrives("/providers/" + provider)
	s.sees(s.text("small-2"))
	s.to("/mcp/clients/" + server)
	s.click(s.link("Edit"))
	s.fill("Tools optional", "open_ticket\nclose_ticket\nmerge_tickets")
	s.click(s.button("Save"))
	s.arrives("/mcp/clients/" + server)
	s.sees(s.text("merge_tickets"))
}

func (s *screen) groupPath(group string) string {
	s.t.Helper()
	s.to("/mcp/tool-groups")
	path, err := s.link(group).GetAttribute("href")
	s.must(err)
	return path
}

// refusesDeletion checks that the page names the profile that prevents it, and has no button.
func (s *screen) refusesDeletion(path, name, profile string) {
	s.t.Helper()
	s.to(path)
	s.sees(s.link(profile))
	s.click(s.link("Delete…"))
	s.says(s.GetByRole("alert"), name+" cannot be deleted while it is named by")
	s.sees(s.link(profile))
	s.gone(s.button("Delete " + name))
}

func (s *screen) deletes(path, name, said string) {
	s.t.Helper()
	s.to(path)
	s.click(s.link("Delete…"))
	s.click(s.button("Delete " + name))
	s.sees(s.text(said + " was deleted."))
	s.gone(s.link(name))
}
