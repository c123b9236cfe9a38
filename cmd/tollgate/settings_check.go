package main

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"tollgate/models/database"
	"tollgate/models/password"
)

// checkAddr keeps passwords and keys from crossing a network in the clear.
func (s settings) checkAddr() error {
	host, port, err := net.SplitHostPort(s.Addr)
	if err != nil {
		return settingError{"TOLLGATE_ADDR", fmt.Sprintf("%q is not an address to listen on, such as 127.0.0.1:8080", s.Addr)}
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		return settingError{"TOLLGATE_ADDR", fmt.Sprintf("the port %q is not a number from 0 to 65535", port)}
	}
	if isLoopback(host) || s.secure() || s.insecureHTTP {
		return nil
	}
	return settingError{"TOLLGATE_ADDR", fmt.Sprintf("%s is reached from other machines: "+
		"put https in front and name it in TOLLGATE_BASE_URL, "+
		"or set TOLLGATE_INSECURE_HTTP=1", s.Addr)}
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

func (s settings) checkBaseURL() error {
	if s.BaseURL == "" {
		return nil
	}
	base, err := url.Parse(s.BaseURL)
	switch {
	case err != nil, base.Scheme != "http" && base.Scheme != "https", base.Hostname() == "":
		return settingError{"TOLLGATE_BASE_URL", "give an address such as https://tollgate.example.com"}
	case base.User != nil, base.Path != "", base.RawQuery != "", base.Fragment != "":
		return settingError{"TOLLGATE_BASE_URL", "give the scheme and the host alone, such as https://tollgate.example.com"}
	}
	return nil
}

func (s settings) checkHosts() error {
	for _, name := range s.Hosts {
		if net.ParseIP(name) != nil {
			continue // also one of IPv6 without brackets, as Kubernetes gives it
		}
		if host, err := url.Parse("http://" + name); err != nil || host.Host != name || host.Hostname() == "" ||
			strings.ContainsAny(name, "*@ ") {
			return settingError{"TOLLGATE_HOSTS", fmt.Sprintf("%q is not a host name", name)}
		}
	}
	return nil
}

func (s settings) checkProxies() error {
	for _, proxy := range s.Proxies {
		if net.ParseIP(proxy) != nil {
			continue
		}
		network, err := netip.ParsePrefix(proxy)
		switch {
		case err != nil:
			return settingError{"TOLLGATE_TRUSTED_PROXIES", fmt.Sprintf("%q is neither an address, such as 10.0.0.7, "+
				"nor a network, such as 10.0.0.0/24", proxy)}
		case network.Bits() == 0:
			return settingError{"TOLLGATE_TRUSTED_PROXIES", fmt.Sprintf("%s would let every client choose its address", proxy)}
		}
	}
	return nil
}

func (s settings) checkDatabase() error {
	beside := []struct{ name, url string }{
		{"TOLLGATE_MIGRATE_URL", s.MigrateURL}, {"TOLLGATE_REPLICA_URL", s.ReplicaURL},
	}
	if s.private() {
		for _, setting := range beside {
			if setting.url != "" {
				return settingError{setting.name, "is of use only beside DATABASE_URL, which is not set"}
			}
		}
		if s.Pooler {
			return settingError{"TOLLGATE_DATABASE_POOLER", "is of use only beside DATABASE_URL, which is not set"}
		}
		return nil
	}
	err := checkDatabaseURL("DATABASE_URL", s.DatabaseURL)
	for _, setting := range beside {
		if err == nil && setting.url != "" {
			err = checkDatabaseURL(setting.name, setting.url)
		}
	}
	return err
}

// checkDatabaseURL never repeats the address, which may contain a password.
func checkDatabaseURL(name, value string) error {
	wrong := settingError{name, "give an address such as postgres://user:password@host:5432/tollgate"}
	if address, err := url.Parse(value); err != nil || address.Scheme != "postgres" && address.Scheme != "postgresql" {
		return wrong
	}
	db, err := database.Open(value)
	if err != nil {
		return wrong
	}
	return db.Close()
}

func (s settings) checkSecret() error {
	if s.Secret == "" {
		return nil
	}
	_, err := parseSecret(s.Secret)
	return err
}

func (s settings) checkAdmin() error {
	length := len(password.Form(s.AdminPassword))
	switch {
	case s.AdminEmail == "" && s.AdminPassword == "":
		return nil
	case s.AdminEmail == "":
		return settingError{"TOLLGATE_ADMIN_EMAIL", "set it together with TOLLGATE_ADMIN_PASSWORD, or neither"}
	case s.AdminPassword == "":
		return settingError{"TOLLGATE_ADMIN_PASSWORD", "set it together with TOLLGATE_ADMIN_EMAIL, or neither"}
	case length < minPassword || length > maxPassword:
		return settingError{
			"TOLLGATE_ADMIN_PASSWORD",
			fmt.Sprintf("choose %d to 1,024 bytes; this one has %d", minPassword, length),
		}
	}
	return nil
}
