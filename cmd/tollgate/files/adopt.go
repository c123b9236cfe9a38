package files

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"strings"

	"github.com/urfave/cli/v3"

	"tollgate/models/importer"
	"tollgate/models/input"
	"tollgate/models/plural"
)

// adoptCommand hands the values of virtual keys to a console. It prints none of them.
func (p *program) adoptCommand() *cli.Command {
	return &cli.Command{
		Name: "adopt-keys", ArgsUsage: "FILE", Category: Category,
		Usage: "let users keep the virtual keys of a config.json of Bifrost, once what import bifrost made of it is applied",
		Description: "Each value is sent for the user who holds the profile with the name of the key. A value that " +
			"the file gives as env.NAME is read from the environment. It ends with 2 when a key is left.",
		Action: p.adopt,
		ArgValidator: func(_ context.Context, c *cli.Command) error {
			if c.Args().Len() != 1 {
				return Error{exitUsage, errors.New("import adopt-keys needs one file")}
			}
			return nil
		},
	}
}

func (p *program) adopt(ctx context.Context, command *cli.Command) error {
	c, err := p.client()
	if err != nil {
		return err
	}
	file := command.Args().First()
	content, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	keys, err := importer.BifrostKeys(file, content)
	if err != nil {
		return err
	}
	holders, err := c.holders(ctx)
	if err != nil {
		return p.refusedRun(&bundle{}, err)
	}
	counts := map[string]int{}
	for _, key := range keys {
		became, why, err := p.adoptOne(ctx, c, key, holders[input.NameKey(key.Name)])
		if err != nil {
			return p.refusedRun(&bundle{}, err)
		}
		counts[became]++
		fmt.Fprintf(p.stdout, "%s: %-7s %s  %s\n", key.Place, became, key.Name, why)
	}
	fmt.Fprintf(p.stdout, "%d adopted, %d adopted already, %d left.\n", counts[adopted], counts[already], counts[left])
	if counts[left] > 0 {
		return Error{exitLoss, fmt.Errorf("%s: adopt again once it can be, or issue a new key",
			plural.Of(counts[left], "key is left", "keys are left"))}
	}
	return nil
}

// What becomes of a key.
const (
	adopted = "adopted"
	already = "already"
	left    = "left"
)

// adoptOne sends the value of a key for the one user who holds its profile. What the console refuses of a value leaves
// the key; other refusals are errors.
func (p *program) adoptOne(
	ctx context.Context, c client, key importer.ForeignKey, holders []string,
) (became, why string, err error) {
	value := key.Value
	if name, named := strings.CutPrefix(value, "env."); named {
		if value = p.getenv(name); value == "" {
			return left, "set " + name + " to its value", nil
		}
	}
	switch {
	case key.Inactive:
		return left, "it is off there", nil
	case len(holders) == 0:
		return left, "no user holds the profile " + key.Name + " directly and without an end", nil
	case len(holders) > 1:
		return left, fmt.Sprintf("%d users hold the profile %s: issue a key for each", len(holders), key.Name), nil
	}
	user, err := c.userOf(ctx, holders[0])
	if err != nil {
		return "", "", err
	}
	body, err := json.Marshal(map[string]string{"value": value, "name": key.Name})
	if err != nil {
		return "", "", err
	}
	var answer struct {
		Adopted bool `json:"adopted"`
	}
	err = c.call(ctx, http.MethodPost, "/api/users/"+user+"/virtual-keys/adopt", body, &answer)
	var refused refusedCall
	switch {
	case errors.As(err, &refused) && (refused.status == http.StatusBadRequest || refused.status == http.StatusConflict):
		return left, refused.Error(), nil
	case err != nil:
		return "", "", err
	case !answer.Adopted:
		return already, "the key of " + holders[0], nil
	}
	return adopted, "the key of " + holders[0], nil
}

// holders are the addresses of those who hold a profile, by its folded name.
func (c client) holders(ctx context.Context) (map[string][]string, error) {
	documents, err := c.export(ctx, "set", "", true)
	if err != nil {
		return nil, err
	}
	holders := map[string][]string{}
	for _, document := range documents {
		email, _ := document.Get("email")
		profiles, _ := document.Get("access_profiles")
		for _, profile := range profiles.Items {
			name := input.NameKey(profile.Text)
			holders[name] = append(holders[name], email.Text)
		}
	}
	return holders, nil
}

// userOf is the id of the user with an address.
func (c client) userOf(ctx context.Context, email string) (string, error) {
	var found struct {
		Users []struct {
			ID    string `json:"id"`
			Email string `json:"email"`
		} `json:"users"`
	}
	query := url.Values{"search": {email}, "limit": {"100"}}
	if err := c.call(ctx, http.MethodGet, "/api/users?"+query.Encode(), nil, &found); err != nil {
		return "", err
	}
	for _, user := range found.Users {
		if user.Email == email {
			return user.ID, nil
		}
	}
	return "", Error{exitFailure, fmt.Errorf("the user %s is gone: adopt again", email)}
}
