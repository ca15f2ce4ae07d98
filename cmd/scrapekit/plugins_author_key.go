// A publisher's key and its password.

package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/scrapekit/scrapekit/core/plugins"
)

// passwordVar is the environment variable with the password, for use without a terminal.
const passwordVar = "SCRAPEKIT_KEY_PASSWORD"

const passwordHelp = "In a terminal you are asked for the password of the key; elsewhere " + passwordVar + " holds it."

func (a *app) pluginsKeygenCommand() *cobra.Command {
	var open, asJSON bool
	cmd := &cobra.Command{
		Use: "keygen FILE", Short: "Make the key that signs your plugins", Args: args,
		Long: "" +
			"Makes a pair of keys in the format of minisign: the private key in FILE, " +
			"encrypted with a password, and\n" +
			"the public key beside it, as .pub. Keep FILE safe: whoever has it can publish in " +
			"your name, and without\n" +
			"it you cannot.\n\n" + passwordHelp,
		RunE: func(cmd *cobra.Command, given []string) error {
			password := ""
			if !open {
				var err error
				if password, err = a.newPassword(cmd.Context()); err != nil {
					return err
				}
			}
			key, err := plugins.NewKey(given[0], password)
			if err != nil {
				return err
			}
			if asJSON {
				return a.json(key)
			}
			fmt.Fprintf(a.Out, "private key: %s; keep it safe and secret\n", given[0])
			fmt.Fprintf(a.Out, "public key:  %s (%s), also in %s\n", key.Key, key.ID, key.File)
			fmt.Fprintln(a.Out, "publish it where your users can trust it: in your README, on your site")
			return nil
		},
	}
	cmd.Flags().BoolVar(&open, "no-password", false,
		"do not encrypt the private key, for example because it is kept in a vault")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print the public key as JSON")
	return cmd
}

// newPassword asks for a password twice.
func (a *app) newPassword(ctx context.Context) (string, error) {
	password, err := a.password(ctx, "password of the new key: ")
	if err != nil {
		return "", err
	}
	if password == "" {
		return "", usageError{errors.New("the password is empty; for a key that is not encrypted give --no-password")}
	}
	if _, given := os.LookupEnv(passwordVar); given {
		return password, nil
	}
	again, err := a.password(ctx, "once more: ")
	if err == nil && again != password {
		err = errors.New("the two passwords differ; nothing was made")
	}
	return password, err
}

// password takes the password from the environment, or asks in the terminal.
func (a *app) password(ctx context.Context, question string) (string, error) {
	if password, ok := os.LookupEnv(passwordVar); ok {
		return password, nil
	}
	in := int(os.Stdin.Fd())
	if !term.IsTerminal(in) {
		return "", usageError{errors.New("a password is wanted, and there is no terminal to ask in: set " +
			passwordVar)}
	}
	before, err := term.GetState(in)
	if err != nil {
		return "", err
	}
	fmt.Fprint(a.Err, question)
	type answer struct {
		password []byte
		err      error
	}
	answered := make(chan answer, 1)
	go func() { // a read from a terminal cannot be cancelled; it ends with the process at the latest
		password, err := term.ReadPassword(in)
		answered <- answer{password, err}
	}()
	select {
	case <-ctx.Done():
		return "", errors.Join(ctx.Err(), term.Restore(in, before)) // restore the echo of the terminal
	case got := <-answered:
		fmt.Fprintln(a.Err)
		return string(got.password), got.err
	}
}
