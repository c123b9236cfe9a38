package files

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v3"

	"tollgate/models/configfile"
	"tollgate/models/importer"
	"tollgate/models/input"
)

// byURL lets an import read from an address instead of a file.
func (p *program) byURL(command *cli.Command) {
	command.Flags = append(command.Flags, &cli.StringFlag{
		Name: "url", Usage: "read from the API of LiteLLM at `ADDRESS`, with the key of an admin in LITELLM_API_KEY",
	}, &cli.StringFlag{
		Name: "team-budget", Usage: "with --url, what each member of a team gets of its budget, `each` or divide: " +
			"all of it or an equal part; without it, budgets of teams are lost",
	})
	ofFile, checkFile := command.Action, command.ArgValidator
	command.ArgValidator = func(ctx context.Context, c *cli.Command) error {
		if _, err := teamBudget(c); err != nil {
			return err
		}
		switch {
		case c.String("team-budget") != "" && c.String("url") == "":
			return Error{exitUsage, errors.New("teams are in no file: --team-budget needs --url")}
		case c.String("url") == "":
			return checkFile(ctx, c)
		case c.Args().Len() > 0 || c.String("output") == "":
			return Error{exitUsage, errors.New("import litellm --url needs no file, and the folder to write with -o")}
		case p.getenv("LITELLM_API_KEY") == "":
			return Error{exitUsage, errors.New("set LITELLM_API_KEY to the key of an admin of LiteLLM")}
		}
		return nil
	}
	command.Action = func(ctx context.Context, c *cli.Command) error {
		if c.String("url") == "" {
			return ofFile(ctx, c)
		}
		from := liteLLM{strings.TrimRight(c.String("url"), "/"), p.getenv("LITELLM_API_KEY")}
		snapshot, err := from.snapshot(ctx)
		if err != nil {
			return err
		}
		return p.writeImported(c, importer.LiteLLMOf(from.address, snapshot, importer.TeamBudget(c.String("team-budget"))))
	}
}

// liteLLM reads lists of the API of LiteLLM's proxy.
type liteLLM struct{ address, key string }

const (
	rowsOfPage = 100
	mostPages  = 10_000
)

func (l liteLLM) snapshot(ctx context.Context) (s importer.Snapshot, err error) {
	for _, list := range []struct {
		path, rows, total, size string
		into                    *[]configfile.Node
	}{
		{importer.ModelList, "data", "", "", &s.Models},
		{importer.UserList, "users", "total", "page_size", &s.Users},
		{importer.TeamList, "teams", "total", "page_size", &s.Teams},
		{importer.KeyList, "keys", "total_count", "size", &s.Keys},
		{importer.ServerList, "", "", "", &s.Servers},
	} {
		if list.total == "" {
			*list.into, _, err = l.page(ctx, list.path, list.rows)
		} else {
			*list.into, err = l.pages(ctx, list.path, list.rows, list.total, list.size)
		}
		if err != nil {
			return s, err
		}
	}
	return s, nil
}

// pages reads all pages of a list, and compares how many rows there were with how many there are said to be.
func (l liteLLM) pages(ctx context.Context, path, rows, total, size string) (all []configfile.Node, err error) {
	said := ""
	for n := 1; n <= mostPages; n++ {
		query := url.Values{"page": {strconv.Itoa(n)}, size: {strconv.Itoa(rowsOfPage)}}
		if path == importer.KeyList {
			query.Set("return_full_object", "true")
		}
		page, answer, err := l.page(ctx, path+"?"+query.Encode(), rows)
		if err != nil {
			return nil, err
		}
		count, _ := answer.Get(total)
		if n > 1 && count.Text != said {
			return nil, Error{exitFailure, fmt.Errorf("%s changed while it was read, from %s rows to %s: import again", path, said, count.Text)}
		}
		said, all = count.Text, append(all, page...)
		if len(page) == 0 || strconv.Itoa(len(all)) == said {
			break
		}
	}
	if strconv.Itoa(len(all)) != said {
		return nil, Error{exitFailure, fmt.Errorf("%s has %s rows and lists %d: nothing was written", path, said, len(all))}
	}
	return all, nil
}

// page reads one answer: a list, or an object with one.
func (l liteLLM) page(
	ctx context.Context, path, rows string,
) (items []configfile.Node, answer configfile.Node, err error) {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, l.address+path, nil)
	if err != nil {
		return nil, answer, Error{exitUsage, errors.New("--url is no address")}
	}
	request.Header.Set("Authorization", "Bearer "+l.key)
	// A redirect is not followed: it could take the key elsewhere.
	response, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		return nil, answer, Error{exitAway, fmt.Errorf("LiteLLM does not answer: %w", err)}
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<20))
	switch {
	case err != nil:
		return nil, answer, Error{exitAway, fmt.Errorf("LiteLLM does not answer: %w", err)}
	case response.StatusCode == http.StatusUnauthorized, response.StatusCode == http.StatusForbidden:
		return nil, answer, Error{exitNotPermitted, fmt.Errorf("LiteLLM answers %s with status %d: "+
			"is LITELLM_API_KEY that of an admin?",
			path, response.StatusCode)}
	case response.StatusCode != http.StatusOK:
		return nil, answer, Error{exitAway, fmt.Errorf("LiteLLM answers %s with status %d", path, response.StatusCode)}
	}
	answer = configfile.Value(text)
	list := answer
	if rows != "" {
		list, _ = answer.Get(rows)
	}
	if list.Kind != input.Array {
		return nil, answer, Error{exitFailure, fmt.Errorf("%s answers with no list; is there a LiteLLM at %s?", path, l.address)}
	}
	return list.Items, answer, nil
}
