package mcptool

import "tollgate/models/input"

// Whole completes an input from a form: a field sent empty is empty, not absent, and tools are lines of text. An empty
// id is still to be derived, and an empty credential stays as it is until its box is ticked.
func (in ServerInput) Whole() ServerInput {
	in.Name, in.URL = input.SubmittedEmpty(in.Name), input.SubmittedEmpty(in.URL)
	in.Version = input.SentVersion(in.Version)
	if in.RemoveCredential.Given() {
		in.CredentialHeader = input.Value{Kind: input.Null, FromForm: true}
	}
	if in.Tools.Kind != input.Absent {
		in.Tools = input.Split(in.Tools, "\n")
	}
	return in
}

// Input returns the form input that describes s.
func (s Server) Input() ServerInput {
	in := ServerInput{
		ClientID: input.FormValue(s.ClientID),
		Name:     input.FormValue(s.Name),
		Tools:    input.TypedList(s.Tools),
		Version:  input.Version(s.UpdatedAt),
	}
	if s.URL != nil {
		in.URL = input.FormValue(*s.URL)
	}
	if s.CredentialHeader != nil {
		in.CredentialHeader = input.FormValue(*s.CredentialHeader)
	}
	return in
}

// Whole completes an input from a form, which sends every server with its checked tools: a server without any is not in
// the group, and one with all tools checked, including future ones, needs no names.
func (in ToolGroupInput) Whole() ToolGroupInput {
	in.Name, in.Description = input.SubmittedEmpty(in.Name), input.SubmittedEmpty(in.Description)
	in.Version = input.SentVersion(in.Version)
	whole := input.List[GroupToolsInput]{Kind: input.Array}
	for _, row := range in.Tools.Items {
		for _, name := range row.ToolNames.Items {
			if name.Text == "*" {
				row.ToolNames.Items = []input.Value{name}
				break
			}
		}
		if len(row.ToolNames.Items) > 0 {
			whole.Items = append(whole.Items, row)
		}
	}
	in.Tools = whole
	return in
}

// Input returns the form input that describes g.
func (g ToolGroup) Input() ToolGroupInput {
	in := ToolGroupInput{Name: input.FormValue(g.Name), Version: input.Version(g.UpdatedAt)}
	if g.Description != nil {
		in.Description = input.FormValue(*g.Description)
	}
	for _, row := range g.Tools {
		in.Tools.Items = append(
			in.Tools.Items,
			GroupToolsInput{MCPClientID: input.FormValue(row.MCPClientID), ToolNames: input.TypedList(row.ToolNames)},
		)
	}
	return in
}
