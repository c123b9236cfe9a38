package config

import (
	"tollgate/models/configdoc"
	"tollgate/models/input"
	"tollgate/models/policycase"
	"tollgate/models/problem"
)

// Check finds what is wrong with documents and tests by themselves, without a console.
func Check(in Request) problem.Problems {
	_, problems := configdoc.Read(in.Documents)
	c := &input.Reader{}
	policycase.Read(c, in.Tests)
	return append(problems, c.Problems...)
}
