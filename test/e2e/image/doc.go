// Package image makes container images of static binaries and serves them, with
// neither a container runtime nor a registry out there.
//
// An image is an empty base, the few files that programs expect of one (CA
// bundle, passwd, group, /tmp) and the binary. The same input always makes the
// same digest, so what a registry already has is not sent again:
//
//	server, err := image.Serve(image.RegistryOptions{Dir: dir, Addresses: []string{"127.0.0.1:0"}})
//	if err != nil {
//		return err
//	}
//	defer server.Close()
//	packed, err := image.Pack(image.Spec{Binary: paths["coredns"]})
//	if err != nil {
//		return err
//	}
//	reference, _, err := image.Push(ctx, packed, server.Addresses()[0]+"/platform/coredns:local")
//
// Layers are not compressed: they only ever travel over this machine's loopback
// and bridge, where packing and unpacking them takes longer than sending them.
package image
