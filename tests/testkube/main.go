// Command testkube is a Kubernetes API server for tests: etcd on a unix socket and kube-apiserver, in one process.
// All arguments are kube-apiserver's. TESTKUBE_DATA names a directory that keeps etcd's data over restarts; without it the
// data goes with the process. SIGUSR1 stops etcd, SIGUSR2 starts it again over the same data.
package main

import (
	"log"
	"net/url"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	"k8s.io/kubernetes/cmd/kube-apiserver/app"
)

func main() {
	os.Exit(run())
}

func run() int {
	dir := os.Getenv("TESTKUBE_DATA")
	if dir == "" {
		made, err := os.MkdirTemp("", "testkube-")
		if err != nil {
			log.Fatal(err)
		}
		defer os.RemoveAll(made)
		dir = made
	}
	socket := url.URL{Scheme: "unix", Path: filepath.Join(dir, "etcd.sock")}
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGUSR1, syscall.SIGUSR2)
	etcd := start(dir, socket)
	go func() {
		for s := range stop {
			switch {
			case s == syscall.SIGUSR1 && etcd != nil:
				etcd.Close()
				etcd = nil
			case s == syscall.SIGUSR2 && etcd == nil:
				etcd = start(dir, socket)
			}
		}
	}()
	command := app.NewAPIServerCommand()
	command.SetArgs(append(os.Args[1:], "--etcd-servers="+socket.String()))
	return cli.Run(command)
}

// start returns when etcd answers.
func start(dir string, socket url.URL) *embed.Etcd {
	_ = os.Remove(socket.Path) // What a killed process left behind.
	config := embed.NewConfig()
	config.Name, config.Dir, config.LogLevel = "testkube", filepath.Join(dir, "data"), "error"
	config.UnsafeNoFsync = true // The data need not outlive the machine.
	config.ListenClientUrls = []url.URL{socket}
	config.ListenPeerUrls = []url.URL{{Scheme: "http", Host: "127.0.0.1:0"}} // One member: never dialled.
	config.InitialCluster = config.InitialClusterFromName(config.Name)
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		log.Fatal(err)
	}
	<-etcd.Server.ReadyNotify()
	return etcd
}
