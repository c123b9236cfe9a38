package sample

import (
	"context"
	"fmt"
	"strings"

	"github.com/uptrace/bun"

	"tollgate/models/account"
	"tollgate/models/attachment"
	"tollgate/models/identity"
	"tollgate/models/input"
	"tollgate/models/password"
	"tollgate/models/permission"
)

// sampleRoles are the roles of the sample company, each with the profile that it assigns to its members.
var sampleRoles = []struct {
	name, description, profile string
	permissions                []permission.Permission
	people                     int
}{
	{
		"Engineer", "Writes code; looks at the profiles and catalogues.", "Engineering",
		[]permission.Permission{
			permission.ViewAccessProfiles, permission.ViewProviders, permission.ViewMCPServers, permission.ViewToolGroups,
			permission.ViewUsage,
		},
		92,
	},
	{"Support agent", "Answers customers.", "Support", []permission.Permission{permission.ViewAccessProfiles}, 48},
	{
		"Analyst", "Works with data; sees what is spent.", "Data science",
		[]permission.Permission{permission.ViewAccessProfiles, permission.ViewUsage},
		36,
	},
	{"Contractor", "From outside, for a while. May do nothing in this console.", "Contractors", nil, 24},
}

var (
	sampleFirstNames = strings.Fields(`Amara Bruno Chiara Dmitri Elif Farid Greta Hiro Ines Jonas Kavya Liam Mei Nadia Omar Priya Quentin Rosa
Sven Tomoko Uma Viktor Wanda Ximena Yusuf Zoe Aisha Bjorn Carla Diego Esther Finn Giulia Hamza Ivy Javier Katya Lucas Marta Noor`)
	sampleLastNames = strings.Fields(`Abara Becker Costa Demir Eriksen Fischer Garcia Haddad Ivanova Jensen Kowalski Lindqvist Moreau Nakamura Okafor
Petrov Quispe Rossi Santos Tanaka Ueda Vargas Weber Xu Yilmaz Zhang Andersson Bianchi Chen Dubois Ekwueme Fontaine Gupta
Horvat Ito Jovanovic Khan
Larsen Mbeki Novak`)
)

// samplePerson is the nth person of the sample company.
func samplePerson(n int) (name, email string) {
	first := sampleFirstNames[n%len(sampleFirstNames)]
	last := sampleLastNames[(7*n+n/len(sampleFirstNames))%len(sampleLastNames)]
	return first + " " + last, strings.ToLower(first + "." + last + "@example.com")
}

// seedPeople adds roles and users with the copies that their roles assign, and their usage. Users who exist stay as
// they are. It returns the emails of the added users.
func seedPeople(ctx context.Context, db bun.IDB, actor permission.Actor) ([]string, error) {
	var added []string
	n := 0
	for _, sample := range sampleRoles {
		role, err := seedRole(ctx, db, actor, sample.name, sample.description, sample.profile, sample.permissions)
		if err != nil {
			return added, err
		}
		for range sample.people {
			name, email := samplePerson(n)
			n++
			err := seed(ctx, db, "users", "email_key", input.FoldCase(email), func() error {
				_, err := account.CreateUser(ctx, db, &password.Hasher{}, actor,
					identity.UserInput{
						Name: input.SampleText(name), Email: input.SampleText(email),
						RoleID: input.SampleNumber(fmt.Sprint(role)),
					})
				if err == nil {
					added = append(added, email)
				}
				return err
			})
			if err != nil {
				return added, err
			}
		}
	}
	return added, nil
}

// seedRole makes a role that assigns a profile, unless there is one.
func seedRole(
	ctx context.Context, db bun.IDB, actor permission.Actor, name, description, profile string,
	permissions []permission.Permission,
) (id int64, err error) {
	err = seed(ctx, db, "roles", "name_key", input.NameKey(name), func() error {
		permitted := input.ListOf(permissions, func(p permission.Permission) input.Value {
			return input.SampleText(string(p))
		})
		role, err := identity.CreateRole(ctx, db, actor,
			identity.RoleInput{
				Name: input.SampleText(name), Description: input.SampleText(description),
				PermissionIDs: permitted,
			})
		if err != nil {
			return err
		}
		profileID, err := profileNamed(ctx, db, profile)
		if err != nil || profileID == 0 {
			return err
		}
		_, err = attachment.AttachRoles(ctx, db, actor, profileID, attachment.AttachInput{
			RoleIDs:   input.ListOf([]string{fmt.Sprint(role.ID)}, input.SampleNumber),
			IsDefault: input.Value{Kind: input.Bool, Text: "true"},
		})
		return err
	})
	if err != nil {
		return 0, err
	}
	if err := db.NewRaw("SELECT id FROM roles WHERE name_key = ?", input.NameKey(name)).Scan(ctx, &id); err != nil {
		return 0, fmt.Errorf("look up sample role %s: %w", name, err)
	}
	return id, nil
}

// profileNamed is the id of a profile, 0 when there is none of that name.
func profileNamed(ctx context.Context, db bun.IDB, name string) (int64, error) {
	var ids []int64
	if err := db.NewRaw("SELECT id FROM access_profiles WHERE name_key = ?", input.NameKey(name)).
		Scan(ctx, &ids); err != nil {
		return 0, fmt.Errorf("look up sample profile %s: %w", name, err)
	}
	if len(ids) == 0 {
		return 0, nil
	}
	return ids[0], nil
}
