package source

func init() { Register(openKaro) }

// karo is where users of Karo point their Alertmanager: the same webhook, with
// the receiver in the path. Other than Karo's, an answer of 2xx says that the
// work was taken over, and not only that the request was read.
type karo struct{ prometheus }

func openKaro(Settings) (Source, error) { return karo{}, nil }

func (karo) Paths() []string { return []string{"/webhook", "/webhook/{receiver}"} }

// Read reads Alertmanager's webhook; the path names the receiver where the
// body does not.
func (k karo) Read(in Request) (Batch, error) {
	b, err := k.prometheus.Read(in)
	for i := range b.Items {
		if b.Items[i].Alert.Receiver == "" {
			b.Items[i].Alert.Receiver = in.PathValue("receiver")
		}
	}
	return b, err
}
