package web_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"tollgate/web/webtest"
)

func TestRefusedQueries(t *testing.T) {
	c := webtest.NewCast(t)
	var rows []webtest.Hostile
	for query, want := range map[string]string{
		"limit=-1": "number_out_of_range limit", "limit=+5": "number_out_of_range limit", "limit=05": "number_out_of_range limit", "limit=0x10": "number_out_of_range limit",
		"limit=5.0": "number_out_of_range limit", "limit=abc": "number_out_of_range limit", "limit=%20": "number_out_of_range limit", "limit=%EF%BC%95": "number_out_of_range limit",
		"limit=99999999999999999999": "number_out_of_range limit", "offset=-1": "number_out_of_range offset", "offset=1e3": "number_out_of_range offset",
		"offset=-9223372036854775809": "number_out_of_range offset", "offset=1.5": "number_out_of_range offset",
		"Limit=5": "unknown_parameter Limit", "page=2": "unknown_parameter page", "q=x": "unknown_parameter q", "=5": "unknown_parameter", "id=1%20or%201": "unknown_parameter id",
		"limit[]=5": "unknown_parameter limit[]", "search": "", "search=a&search=a": "duplicate_parameter search", "search=&search=a": "duplicate_parameter search",
		"limit=&limit=": "duplicate_parameter limit", "tags=a&tags=b": "duplicate_parameter tags", "sort=name&sort=": "duplicate_parameter sort",
		"search=%FF": "invalid_utf8", "%FF=1": "invalid_utf8", "search=%ED%A0%80": "invalid_utf8", "tags=%00": "nul_character tags", "%00=1": "nul_character", "sort=name%00": "nul_character sort",
		"sort=Name": "invalid_sort sort", "sort=--name": "invalid_sort sort", "sort=-": "invalid_sort sort", "sort=name%20desc": "invalid_sort sort", "sort=name,id": "invalid_sort sort",
		"sort=version": "invalid_sort sort", "sort=id": "invalid_sort sort", "sort=%2Bname": "invalid_sort sort", "sort=name;": "invalid_query",
		"is_active=TRUE": "wrong_type is_active", "is_active=0": "wrong_type is_active", "is_active=null": "wrong_type is_active", "is_active=%20true": "wrong_type is_active",
		"search=%": "invalid_query", "search=%4": "invalid_query", "a;b": "invalid_query",
		"search=" + strings.Repeat("%C3%A9", 256):         "too_long search",
		"search=" + strings.Repeat("e%CC%81", 256):        "too_long search",
		"limit=0&offset=-1&sort=x&is_active=y&foo=1&tags": "unknown_parameter foo",
	} {
		code, param, _ := strings.Cut(want, " ")
		if code != "" {
			rows = append(rows, webtest.Hostile{Method: "GET", Path: webtest.Profiles + "?" + query, Headers: "", Body: "", Status: 400, Code: code, Param: param}, webtest.Hostile{Method: "HEAD", Path: webtest.Profiles + "?" + query, Headers: "", Body: "", Status: 400, Code: "", Param: ""})
		}
	}
	webtest.Attack(t, c, c.Viewer, rows)
	for i := range rows {
		rows[i].Path = strings.TrimPrefix(rows[i].Path, "/api")
	}
	// Pages pass over parameters that they do not know.
	webtest.Attack(t, c, c.Session, slices.DeleteFunc(slices.Clone(rows), func(row webtest.Hostile) bool {
		return row.Code == "unknown_parameter" || row.Method == "HEAD" && slices.ContainsFunc(rows, func(other webtest.Hostile) bool {
			return other.Path == row.Path && other.Code == "unknown_parameter"
		})
	}))
	if got := c.Viewer.Get(webtest.Profiles + "?limit=0&offset=-1&sort=x&is_active=y&search=" + strings.Repeat("a", 256)).Is(400).Problems(); got !=
		"number_out_of_range limit; number_out_of_range offset; too_long search; wrong_type is_active; invalid_sort sort" {
		t.Errorf("problems are %q", got)
	}
}

// listed is one query, the names it must find, in order, and the total.
type listed struct {
	query, names string
	total        int
}

func TestListsMatchTheDatabase(t *testing.T) {
	c := webtest.NewCast(t)
	for i, body := range []string{
		`{"name":"100% _done_","tags":["Alpha","R&D"],"description":"a\\b"}`, `{"name":"100x zdonez","tags":["alpha"]}`, `{"name":"it's \"q\"","tags":["ALPHA","beta"],"description":"STRASSE"}`,
	} {
		c.Admin.API("POST", webtest.Prefixes(webtest.Profiles)[i%2], body).Is(201)
	}
	c.Admin.API("PUT", webtest.Profiles+"/5/deactivate", nil).Is(200)
	all := "100% _done_|100x zdonez|Café|Engineering|it's \"q\"|Straße"
	rows := []listed{
		{"", all, 6},
		{"search=&tags=&is_active=&sort=&limit=&offset=", all, 6},
		{"tags=,%20,", all, 6},
		{"&&limit=100&", all, 6},
		{"limit=2", "100% _done_|100x zdonez", 6},
		{"limit=2&offset=4", "it's \"q\"|Straße", 6},
		{"limit=2&offset=5", "Straße", 6},
		{"limit=6", all, 6},
		{"limit=2&offset=6", "", 6},
		{"offset=9223372036854775807", "", 6},
		{"limit=1&offset=1&sort=-name", "it's \"q\"", 6},
		{"sort=created_at", "Engineering|Straße|Café|100% _done_|100x zdonez|it's \"q\"", 6},
		{"sort=-updated_at&limit=1", "100x zdonez", 6},
		{"search=%25", "100% _done_", 1},
		{"search=_", "100% _done_", 1},
		{"search=%25%20_D", "100% _done_", 1},
		{"search=a%5Cb", "100% _done_", 1},
		{"search=%5C%25", "", 0},
		{"search='", "it's \"q\"", 1},
		{"search=%22Q%22", "it's \"q\"", 1},
		{"search=strasse", "it's \"q\"|Straße", 2},
		{"search=STRA%C3%9FE", "it's \"q\"|Straße", 2},
		{"search=cafe%CC%81", "Café", 1},
		{"search=CAF%C3%89", "Café", 1},
		{"search=" + strings.Repeat("e%CC%81", 255), "", 0},
		{"search=zq9'%3B--", "", 0},
		{"search=??", "", 0},
		{"tags=alpha", "100% _done_|100x zdonez|it's \"q\"", 3},
		{"tags=ALPHA,%20beta", "it's \"q\"", 1},
		{"tags=alpha,alpha,Alpha", "100% _done_|100x zdonez|it's \"q\"", 3},
		{"tags=r%26d", "100% _done_", 1},
		{"tags=alp", "", 0},
		{"tags=alpha,nope", "", 0},
		{"tags='%7D", "", 0},
		{"is_active=false", "100x zdonez", 1},
		{"is_active=true&tags=alpha", "100% _done_|it's \"q\"", 2},
		{"is_active=true&tags=alpha&limit=1", "100% _done_", 2},
		{"is_active=true&tags=alpha&limit=1&offset=1&sort=-name", "100% _done_", 2},
		{"is_active=false&search=100&tags=ALPHA&offset=1", "", 1},
	}
	for _, row := range rows {
		for _, path := range webtest.Prefixes(webtest.Profiles) {
			page := c.Viewer.Get(path + "?" + row.query).Is(200)
			answer := page.JSON()
			var names []string
			for _, one := range answer["access_profiles"].([]any) {
				names = append(names, one.(map[string]any)["name"].(string))
			}
			if got := strings.Join(names, "|"); got != row.names || answer["total_count"] != float64(row.total) || answer["count"] != float64(len(names)) || len(answer) != 5 {
				t.Errorf("%s?%s: %q of %v, want %q of %d", path, row.query, got, answer["total_count"], row.names, row.total)
			}
			query, _ := url.ParseQuery(row.query)
			limit, offset := "25", "0"
			if query.Get("limit") != "" {
				limit = query.Get("limit")
			}
			if query.Get("offset") != "" {
				offset = query.Get("offset")
			}
			if !strings.Contains(string(page.Body), fmt.Sprintf(`"limit":%s,"offset":%s}`, limit, offset)) {
				t.Errorf("%s does not tell limit %s and offset %s", row.query, limit, offset)
			}
		}
		page := c.Session.Get("/access-profiles?" + row.query)
		if page.StatusCode == 303 { // past the end
			page = c.Session.Get(page.Header.Get("Location"))
		}
		page.Is(200)
	}
}
