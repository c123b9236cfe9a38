package main

import (
	"context"
	"errors"
	"net/http"

	"github.com/pocketbase/pocketbase/apis"
	"github.com/pocketbase/pocketbase/core"
	_ "github.com/pocketbase/pocketbase/migrations" // its own tables
)

const (
	pocketBaseRecords = "/api/collections/profiles/records"
	pocketBaseHealth  = "/api/health"
)

// servePocketBase keeps profiles as one JSON field beside a unique name, open to everyone.
func servePocketBase(ctx context.Context, addr, dir string) error {
	app := core.NewBaseApp(core.BaseAppConfig{DataDir: dir})
	if err := app.Bootstrap(); err != nil {
		return err
	}
	app.OnServe().BindFunc(func(event *core.ServeEvent) error {
		event.InstallerFunc = nil // it would open a browser
		anyone := ""
		profiles := core.NewBaseCollection("profiles")
		profiles.ListRule, profiles.ViewRule, profiles.CreateRule = &anyone, &anyone, &anyone
		profiles.Fields.Add(&core.TextField{Name: "name", Required: true, Max: 255},
			&core.JSONField{Name: "profile", MaxSize: 1 << 20})
		profiles.AddIndex("profiles_name", true, "name", "")
		if err := app.Save(profiles); err != nil {
			return err
		}
		context.AfterFunc(ctx, func() { _ = event.Server.Close() })
		return event.Next()
	})
	if err := apis.Serve(app, apis.ServeConfig{HttpAddr: addr}); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
