package provision

import "tollgate/models/scimquery"

var userColumns = scimquery.Columns{
	"id": {Expr: "s.user_id"}, "externalid": {Expr: "s.external_id"}, "username": {Expr: "s.user_name_key", Kind: scimquery.Folded},
	"active":                    {Expr: "(u.deactivated_at IS NULL)", Kind: scimquery.Truth},
	"displayname":               {Expr: "(s.document ->> 'displayName')", Kind: scimquery.Caseless},
	"name":                      {Expr: "(s.document ->> 'name')", Kind: scimquery.Present},
	"name.formatted":            {Expr: "(s.document #>> '{name,formatted}')", Kind: scimquery.Caseless},
	"name.familyname":           {Expr: "(s.document #>> '{name,familyName}')", Kind: scimquery.Caseless},
	"name.givenname":            {Expr: "(s.document #>> '{name,givenName}')", Kind: scimquery.Caseless},
	"name.middlename":           {Expr: "(s.document #>> '{name,middleName}')", Kind: scimquery.Caseless},
	"name.honorificprefix":      {Expr: "(s.document #>> '{name,honorificPrefix}')", Kind: scimquery.Caseless},
	"name.honorificsuffix":      {Expr: "(s.document #>> '{name,honorificSuffix}')", Kind: scimquery.Caseless},
	"enterprise.department":     {Expr: "(s.document #>> '{enterprise,department}')", Kind: scimquery.Caseless},
	"enterprise.costcenter":     {Expr: "(s.document #>> '{enterprise,costCenter}')", Kind: scimquery.Caseless},
	"enterprise.employeenumber": {Expr: "(s.document #>> '{enterprise,employeeNumber}')", Kind: scimquery.Caseless},
	"meta.created":              {Expr: "s.created_at", Kind: scimquery.Moment},
	"meta.lastmodified":         {Expr: "s.updated_at", Kind: scimquery.Moment},
	"emails":                    {Expr: "(e ->> 'value')", Kind: scimquery.Caseless, List: emails},
	"emails.value":              {Expr: "(e ->> 'value')", Kind: scimquery.Caseless, List: emails},
	"emails.type":               {Expr: "(e ->> 'type')", Kind: scimquery.Caseless, List: emails},
	"emails.primary":            {Expr: "coalesce((e ->> 'primary')::boolean, false)", Kind: scimquery.Truth, List: emails},
}

const emails = "jsonb_array_elements(s.document -> 'emails') AS e"
