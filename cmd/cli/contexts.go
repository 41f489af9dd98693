package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/herocode/horus/cmd/contexts"
	"github.com/herocode/horus/cmd/exit"
	"github.com/herocode/horus/cmd/flags"
)

// prepare fills in what was not given: from the environment, and then from the
// context.
func (s *settings) prepare(cmd *cobra.Command, args []string) error {
	if err := flags.FromEnvironment(cmd, args); err != nil {
		return err
	}
	path, err := contexts.Path()
	if err != nil && s.context == "" {
		return nil // whoever has no home has no contexts
	}
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	file, err := contexts.Load(path)
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	c, err := file.Find(s.context)
	if err != nil {
		return exit.With(exit.Settings, err)
	}
	return s.use(cmd, c)
}

// use takes from a context what was not given. Its API key goes to its own
// address and to no other.
func (s *settings) use(cmd *cobra.Command, c contexts.Context) error {
	if !cmd.Flags().Changed("address") {
		s.apiKey = c.APIKey
	}
	for flag, value := range contextFlags(&c) {
		if *value == "" || cmd.Flags().Changed(flag) {
			continue
		}
		if err := cmd.Flags().Set(flag, *value); err != nil {
			return exit.With(exit.Settings, fmt.Errorf("context: %s: %w", flag, err))
		}
	}
	return nil
}

// contextFlags are the flags that a context remembers.
func contextFlags(c *contexts.Context) map[string]*string {
	return map[string]*string{
		"address": &c.Address, "namespace": &c.Namespace, "redis-url": &c.RedisURL, "state-dir": &c.StateDir, "trust": &c.Trust,
		"tls-ca": &c.TLSCA,
	}
}

func contextsCommand(s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "contexts",
		Short: "Remember systems: how each is reached, and with which API key",
		Long: `Remember the systems that you talk to, and say which one is meant.

What a context remembers stands in for flags that are not given; the environment
beats it, and flags beat both. Contexts are kept in horus/contexts.toml in
$XDG_CONFIG_HOME (~/.config), which only you can read. An API key is sent to the
address of its own context and to no other.`,
		Example: `  horus contexts add prod --address https://horus.example:3030 --api-key-file key.txt
  horus contexts use prod
  horus --context test list`,
		Args: arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		// Contexts are not looked at by the commands that mend them.
		PersistentPreRunE: func(*cobra.Command, []string) error { return nil },
	}
	cmd.AddCommand(contextsList(s), contextsAdd(s), contextsUse(), contextsRemove())
	return cmd
}

func contextsList(s *settings) *cobra.Command {
	return &cobra.Command{
		Use:   "list",
		Short: "List contexts; the current one is marked",
		Args:  arguments(cobra.NoArgs),
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, file, err := loadContexts()
			if err != nil {
				return err
			}
			type shown struct {
				Name      string `json:"name"`
				Current   bool   `json:"current"`
				Address   string `json:"address"`
				Namespace string `json:"namespace"`
				Key       bool   `json:"api_key"` // whether there is one
			}
			list, rows := []shown{}, [][]string{}
			for _, name := range file.Names() {
				c := file.Contexts[name]
				list = append(list, shown{name, name == file.Current, c.Address, c.Namespace, c.APIKey != ""})
				mark, key := "", "no"
				if name == file.Current {
					mark = "*"
				}
				if c.APIKey != "" {
					key = "yes"
				}
				rows = append(rows, []string{mark, name, c.Address, c.Namespace, key})
			}
			return s.print(cmd, list, func(w io.Writer) { table(w, " NAME ADDRESS NAMESPACE KEY", rows) })
		},
	}
}

func contextsAdd(s *settings) *cobra.Command {
	var keyFile string
	cmd := &cobra.Command{
		Use:   "add NAME",
		Short: "Remember a context: the flags that are given",
		Example: `  horus contexts add prod --address https://horus.example:3030 --api-key-file key.txt
  pass horus/prod | horus contexts add prod --address https://horus.example:3030 --api-key-file -`,
		Args: arguments(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			var c contexts.Context
			for flag, value := range contextFlags(&c) {
				if cmd.Flags().Changed(flag) {
					*value = cmd.Flags().Lookup(flag).Value.String()
				}
			}
			var err error
			if c.APIKey, err = readSecret(keyFile, cmd.InOrStdin()); err != nil {
				return exit.With(exit.Usage, err)
			}
			if c.APIKey != "" && c.Address == "" {
				return exit.With(exit.Usage, errors.New("an API key belongs to an address: give --address too"))
			}
			if err := keptHere(c.APIKey, strings.Split(s.address, ",")); err != nil {
				return err
			}
			return changeContexts(func(f *contexts.File) error { return exit.With(exit.Usage, f.Add(args[0], c)) })
		},
	}
	cmd.Flags().StringVar(&keyFile, "api-key-file", "", "file that holds the API key; - for the standard input")
	return cmd
}

// maxSecret is how long an API key may be.
const maxSecret = 1024

// readSecret reads an API key from a file or the standard input; none if no file
// is named.
func readSecret(name string, stdin io.Reader) (string, error) {
	if name == "" {
		return "", nil
	}
	in := stdin
	if name != "-" {
		file, err := os.Open(name)
		if err != nil {
			return "", err
		}
		defer func() { _ = file.Close() }() // it was read
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxSecret+1))
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if secret == "" || len(text) > maxSecret {
		return "", fmt.Errorf("%s holds no API key: it has 1 to %d bytes", name, maxSecret)
	}
	return secret, nil
}

func contextsUse() *cobra.Command {
	return &cobra.Command{
		Use:               "use NAME",
		Short:             "Mean this context when none is named",
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: once(func(*cobra.Command) []string { return contextNames() }),
		RunE: func(_ *cobra.Command, args []string) error {
			return changeContexts(func(f *contexts.File) error {
				_, err := f.Find(args[0])
				f.Current = args[0]
				return exit.With(exit.Usage, err)
			})
		},
	}
}

func contextsRemove() *cobra.Command {
	return &cobra.Command{
		Use:               "remove NAME",
		Short:             "Forget a context",
		Args:              arguments(cobra.ExactArgs(1)),
		ValidArgsFunction: once(func(*cobra.Command) []string { return contextNames() }),
		RunE: func(_ *cobra.Command, args []string) error {
			return changeContexts(func(f *contexts.File) error { return exit.With(exit.Usage, f.Remove(args[0])) })
		},
	}
}

func loadContexts() (path string, file contexts.File, err error) {
	if path, err = contexts.Path(); err == nil {
		file, err = contexts.Load(path)
	}
	return path, file, exit.With(exit.Settings, err)
}

func changeContexts(change func(*contexts.File) error) error {
	path, file, err := loadContexts()
	if err != nil {
		return err
	}
	if err := change(&file); err != nil {
		return err
	}
	return exit.With(exit.Settings, file.Save(path))
}

// contextNames lists contexts for the shell; none if they cannot be read.
func contextNames() []string {
	_, file, err := loadContexts()
	if err != nil {
		return nil
	}
	return file.Names()
}
