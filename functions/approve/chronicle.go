package function

import (
	"kubernaut.ai/shared/history"
	_ "kubernaut.ai/shared/history/postgres" // the store of clusters
	_ "kubernaut.ai/shared/history/sqlite"   // the store of one's own machine
	"kubernaut.ai/shared/stage"
)

// openHistory opens the history to read it, where one is configured; without
// it, who asks for what is in it hears what to set.
func openHistory(rt *stage.Runtime) (history.Reader, error) {
	url := rt.Config.String(stage.EnvHistory, "")
	if url == "" {
		return nil, nil
	}
	store, err := history.OpenReader(url)
	if err != nil {
		return nil, err
	}
	rt.OnStop(store.Close)
	return store, nil
}
