package bed

import (
	"context"
	"fmt"
	"net/http"
	"os"
)

// silent is the configuration before a scenario gives its own: alerts are taken
// and told to nobody.
const silent = `route: {receiver: nobody}
receivers: [{name: nobody}]
`

// Alertmanager is the real one, as a process at the bridge.
type Alertmanager struct {
	*Service
	config string
}

func (s *site) newAlertmanager() (*Alertmanager, error) {
	owner, err := account("prometheus")
	if err != nil {
		return nil, err
	}
	config, data := s.layout.path("etc", "alertmanager.yml"), s.layout.data("alertmanager")
	url := "http://" + onBridge(portAlertmanager)
	service := &Service{
		supervisor: s.supervisor,
		program: Program{Name: "alertmanager", Path: s.binaries["prometheus-alertmanager"], User: owner, Args: []string{
			"--config.file=" + config, "--storage.path=" + data,
			"--web.listen-address=" + onBridge(portAlertmanager),
			// Empty: alone, no gossip with anyone.
			"--cluster.listen-address=",
		}},
		prepare: func(context.Context) error {
			if err := ownFolder(data, owner); err != nil {
				return err
			}
			if _, err := os.Stat(config); err == nil {
				return nil
			}
			return writeFile(config, silent)
		},
		ready: healthy(url + "/-/ready"),
		url:   url,
	}
	return &Alertmanager{Service: service, config: config}, nil
}

// Configure replaces the configuration and has the running Alertmanager read it;
// its error quotes why Alertmanager refuses.
func (a *Alertmanager) Configure(ctx context.Context, config string) error {
	if err := writeFile(a.config, config); err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, a.url+"/-/reload", nil)
	if err != nil {
		return fmt.Errorf("reload alertmanager: %w", err)
	}
	return answer200(http.DefaultClient, request)
}
