// helm-many is `helm template` many times in one process, for proofs that render thousands of documents.
//
// It reads one request and prints one answer per line, both JSON. Each answer is what this version of Helm's own program prints for the
// same files and --set arguments; a test compares the two. Nothing is kept from one request to the next.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"helm.sh/helm/v4/pkg/action"
	"helm.sh/helm/v4/pkg/chart/loader/archive"
	"helm.sh/helm/v4/pkg/chart/v2/loader"
	"helm.sh/helm/v4/pkg/cli/values"
	"helm.sh/helm/v4/pkg/getter"
	release "helm.sh/helm/v4/pkg/release/v1"
)

// version is Helm's, and what this source is; the linker sets it.
var version = "0.0.0-unknown"

// request is what one `helm template` gets. Files stand in the place of the chart's own of the same names, or beside them.
type request struct {
	Files      map[string]string `json:"files"`
	Values     []string          `json:"values"`
	Set        []string          `json:"set"`
	SkipSchema bool              `json:"skipSchema"`
}

// answer is what Helm prints: the manifests, or the error.
type answer struct {
	Manifests string `json:"manifests"`
	Error     string `json:"error"`
}

type renderer struct {
	namespace string
	chart     map[string][]byte
	folder    string
}

func main() {
	if len(os.Args) == 2 && os.Args[1] == "--version" {
		fmt.Println(version)
		return
	}
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: helm-many CHART NAMESPACE, or helm-many --version")
		os.Exit(2)
	}
	if err := serve(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(chart, namespace string) error {
	loaded, err := loader.LoadDir(chart)
	if err != nil {
		return err
	}
	folder, err := os.MkdirTemp("", "helm-many-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(folder)
	r := renderer{namespace, map[string][]byte{}, folder}
	for _, file := range loaded.Raw {
		r.chart[file.Name] = file.Data
	}
	input, output := bufio.NewReader(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		line, err := input.ReadBytes('\n')
		if err != nil {
			return nil // nobody asks any more
		}
		var asked request
		if err := json.Unmarshal(line, &asked); err != nil {
			return err
		}
		if err := output.Encode(r.answer(asked)); err != nil {
			return err
		}
	}
}

func (r renderer) answer(asked request) answer {
	rel, err := r.render(asked)
	if err != nil {
		return answer{Error: err.Error()}
	}
	// As `helm template` prints it.
	var text strings.Builder
	fmt.Fprintln(&text, strings.TrimSpace(rel.Manifest))
	for _, hook := range rel.Hooks {
		fmt.Fprintf(&text, "---\n# Source: %s\n%s\n", hook.Path, hook.Manifest)
	}
	return answer{Manifests: text.String()}
}

func (r renderer) render(asked request) (*release.Release, error) {
	options := values.Options{Values: asked.Set}
	for number, text := range asked.Values {
		file := filepath.Join(r.folder, fmt.Sprintf("values-%d.yaml", number))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return nil, err
		}
		options.ValueFiles = append(options.ValueFiles, file)
	}
	merged, err := options.MergeValues(getter.Providers{})
	if err != nil {
		return nil, err
	}
	// Anew each time: rendering changes a chart that it has loaded.
	chart, err := loader.LoadFiles(r.files(asked.Files))
	if err != nil {
		return nil, err
	}
	client := action.NewInstall(action.NewConfiguration())
	client.DryRunStrategy = action.DryRunClient
	client.Replace = true
	client.ReleaseName, client.Namespace = "newdqmgui", r.namespace
	client.SkipSchemaValidation = asked.SkipSchema
	made, err := client.RunWithContext(context.Background(), chart, merged)
	if err != nil {
		return nil, err
	}
	rel, known := made.(*release.Release)
	if !known {
		return nil, fmt.Errorf("Helm gave a %T for a release", made)
	}
	return rel, nil
}

func (r renderer) files(own map[string]string) []*archive.BufferedFile {
	var files []*archive.BufferedFile
	for name, data := range r.chart {
		if _, replaced := own[name]; !replaced {
			files = append(files, &archive.BufferedFile{Name: name, Data: data})
		}
	}
	for name, text := range own {
		files = append(files, &archive.BufferedFile{Name: name, Data: []byte(text)})
	}
	return files
}
