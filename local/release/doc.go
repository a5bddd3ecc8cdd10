// Command release makes a version of the shared module that builds outside
// this repository can require: pack, s2i and on-cluster builds see one
// function's folder and nothing beside it.
//
//	release --version v1.2.3
//
// tags the commit shared/v1.2.3 and writes, below .local/release,
//
//	proxy/       a module proxy of plain files: name it in GOPROXY as
//	             file://..., or serve it over HTTP
//	functions/   every function's folder with a go.mod that requires the
//	             version and replaces nothing, ready for func build
//
// What it releases is what is committed: it refuses while shared/ or
// functions/ hold changes.
package main
