package models

// Whole makes an input of a form: a field that was sent empty is empty, not left out, and models and prices stand on lines.
func (in ProviderInput) Whole() ProviderInput {
	if in.Models.Kind != Absent {
		in.Models = split(in.Models, "\n")
	}
	if in.PriceLines.Typed {
		in.Prices = priceLines(in.PriceLines.Text)
	}
	return in
}

// Input is what a person would have typed to make p.
func (p Provider) Input() ProviderInput {
	in := ProviderInput{Name: Typed(p.Name), Models: typedList(p.Models)}
	for _, price := range p.Prices {
		in.Prices.Items = append(in.Prices.Items, price.input())
	}
	return in
}

func (p ModelPrice) input() ModelPriceInput {
	in := ModelPriceInput{Model: Typed(p.Model), Input: Typed(p.Input.String()), Output: Typed(p.Output.String())}
	if p.CacheRead != nil {
		in.CacheRead = Typed(p.CacheRead.String())
	}
	if p.CacheWrite != nil {
		in.CacheWrite = Typed(p.CacheWrite.String())
	}
	return in
}

// Whole makes an input of a form: a field that was sent empty is empty, not left out, and tools stand on lines. An empty id stays to be
// derived.
func (in MCPServerInput) Whole() MCPServerInput {
	in.Name, in.URL = sentEmpty(in.Name), sentEmpty(in.URL)
	if in.Tools.Kind != Absent {
		in.Tools = split(in.Tools, "\n")
	}
	return in
}

// Input is what a person would have typed to make s.
func (s MCPServer) Input() MCPServerInput {
	in := MCPServerInput{ClientID: Typed(s.ClientID), Name: Typed(s.Name), Tools: typedList(s.Tools)}
	if s.URL != nil {
		in.URL = Typed(*s.URL)
	}
	return in
}

// Whole makes an input of a form, which sends every server and of its tools those ticked: a server without any is not in the group, and one
// whose every tool is ticked, later ones too, needs no further names.
func (in ToolGroupInput) Whole() ToolGroupInput {
	in.Name, in.Description = sentEmpty(in.Name), sentEmpty(in.Description)
	whole := List[GroupToolsInput]{Kind: Array}
	for _, row := range in.Tools.Items {
		for _, name := range row.ToolNames.Items {
			if name.Text == "*" {
				row.ToolNames.Items = []Value{name}
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

// Input is what a person would have typed to make g.
func (g ToolGroup) Input() ToolGroupInput {
	in := ToolGroupInput{Name: Typed(g.Name)}
	if g.Description != nil {
		in.Description = Typed(*g.Description)
	}
	for _, row := range g.Tools {
		in.Tools.Items = append(in.Tools.Items, GroupToolsInput{MCPClientID: Typed(row.MCPClientID), ToolNames: typedList(row.ToolNames)})
	}
	return in
}

// sentEmpty tells a field that came empty from one that did not come.
func sentEmpty(v Value) Value {
	if v.Typed && v.Kind == Absent {
		v.Kind = String
	}
	return v
}

func typedList(texts []string) List[Value] {
	return listOf(texts, Typed)
}
