package azdps

// The User-Agent is "azsdk-go-" + moduleName + "/" + version; the first heading of CHANGELOG.md names the same version.
const (
	moduleName = "azdps"
	version    = "v0.1.0"
)
