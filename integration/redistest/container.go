package redistest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/network"
	"github.com/moby/moby/client"
	"github.com/testcontainers/testcontainers-go"
	tclog "github.com/testcontainers/testcontainers-go/log"
	tcredis "github.com/testcontainers/testcontainers-go/modules/redis"
	"github.com/testcontainers/testcontainers-go/wait"
)

const (
	defaultImage = "redis:8-alpine"
	builtImage   = "horus-test-redis:local" // deploy/testimage/build makes it

	dataFolder = "/data" // of a server in its container

	engineTimeout = 5 * time.Second // for an engine to say that it is there
	pullTimeout   = 2 * time.Minute // for the image, once a machine

	// Labels that say whose a container is, so that the next run removes what
	// a killed one left.
	hostLabel = "horus.redistest.host"
	pidLabel  = "horus.redistest.pid"
)

// containers is a Docker engine that has the image.
type containers struct {
	docker *testcontainers.DockerClient
	image  string
	host   string // where the engine publishes ports, as we reach it
}

// findContainers asks for an engine and an image.
func findContainers() (backend, error) {
	if err := prepareTestcontainers(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), engineTimeout)
	defer cancel()
	docker, err := testcontainers.NewDockerClientWithOpts(ctx)
	if err != nil {
		return nil, fmt.Errorf("find a Docker engine: %w", err)
	}
	if _, err := docker.Ping(ctx, client.PingOptions{}); err != nil {
		return nil, fmt.Errorf("ask the Docker engine: %w", err)
	}
	provider, err := testcontainers.NewDockerProvider()
	if err != nil {
		return nil, fmt.Errorf("find a Docker engine: %w", err)
	}
	host, err := provider.DaemonHost(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the Docker engine's address: %w", err)
	}
	if host == "localhost" {
		host = "127.0.0.1" // never ::1, where nothing is published
	}
	b := &containers{docker: docker, host: host}
	if err := b.findImage(); err != nil {
		return nil, err
	}
	if err := b.sweep(ctx); err != nil {
		return nil, fmt.Errorf("remove containers of dead tests: %w", err)
	}
	return b, nil
}

// prepareTestcontainers sets what the library reads from the environment, once,
// when it is first used; what a person has set stands.
func prepareTestcontainers() error {
	tclog.SetDefault(tclog.NewNoopLogger())
	// Its reaper is one more image to pull; sweep does the reaper's work.
	settings := map[string]string{"TESTCONTAINERS_RYUK_DISABLED": "true"}
	// Inside a container the library takes the engine to be the host's. Where
	// the engine's bridge is ours, the engine runs in here.
	if _, err := net.InterfaceByName("docker0"); err == nil {
		settings["TESTCONTAINERS_HOST_OVERRIDE"] = "127.0.0.1"
	}
	for name, value := range settings {
		if _, set := os.LookupEnv(name); set {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// findImage settles on the image that HORUS_TEST_REDIS_IMAGE names; else on
// the default one when it is here, the built one when that is here, and the
// default one when it can be pulled.
func (b *containers) findImage() error {
	ctx, cancel := context.WithTimeout(context.Background(), pullTimeout)
	defer cancel()
	local, remote := []string{defaultImage, builtImage}, defaultImage
	if named := os.Getenv("HORUS_TEST_REDIS_IMAGE"); named != "" {
		local, remote = []string{named}, named
	}
	for _, image := range local {
		if _, err := b.docker.ImageInspect(ctx, image); err == nil {
			b.image = image
			return nil
		}
	}
	pull, err := b.docker.ImagePull(ctx, remote, client.ImagePullOptions{})
	if err == nil {
		err = pull.Wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("pull %s (deploy/testimage/build makes an image without a registry): %w", remote, err)
	}
	b.image = remote
	return nil
}

// sweep removes the containers of this machine's test processes that are gone.
func (b *containers) sweep(ctx context.Context) error {
	host, err := os.Hostname()
	if err != nil {
		return err
	}
	filters := make(client.Filters).Add("label", hostLabel+"="+host)
	found, err := b.docker.ContainerList(ctx, client.ContainerListOptions{All: true, Filters: filters})
	if err != nil {
		return err
	}
	for _, c := range found.Items {
		if pid, err := strconv.Atoi(c.Labels[pidLabel]); err != nil || alive(pid) {
			continue
		}
		// Another test binary may be removing it at this moment, so an error
		// says nothing; what stays is swept by the next run.
		_, _ = b.docker.ContainerRemove(ctx, c.ID, client.ContainerRemoveOptions{Force: true, RemoveVolumes: true})
	}
	return nil
}

func alive(pid int) bool {
	process, err := os.FindProcess(pid)
	if err != nil {
		return false
	}
	return !errors.Is(process.Signal(syscall.Signal(0)), os.ErrProcessDone)
}

func (b *containers) launch(ctx context.Context, opts Options) (instance, error) {
	var in *containerInstance
	err := onFreePort(func(port int) error {
		var err error
		in, err = b.run(ctx, opts, port)
		return err
	})
	if err != nil {
		return nil, err
	}
	return in, nil
}

// run starts a container on one port. The port is ours to name, because an
// engine gives a container that starts again another port.
func (b *containers) run(ctx context.Context, opts Options, port int) (*containerInstance, error) {
	host, err := os.Hostname()
	if err != nil {
		return nil, fmt.Errorf("name this machine: %w", err)
	}
	c, err := tcredis.Run(ctx, b.image,
		testcontainers.WithCmd(append([]string{"--dir", dataFolder, "--protected-mode", "no"}, opts.arguments()...)...),
		testcontainers.WithWaitStrategy(wait.ForLog(readyLine)),
		testcontainers.WithLabels(map[string]string{hostLabel: host, pidLabel: strconv.Itoa(os.Getpid())}),
		testcontainers.WithHostConfigModifier(func(config *container.HostConfig) { config.PortBindings = b.publish(port) }),
	)
	if err == nil {
		in := &containerInstance{Container: c, backend: b, port: port}
		if err = in.answers(ctx); err == nil {
			return in, nil
		}
	}
	if strings.Contains(fmt.Sprint(err), "port is already allocated") || strings.Contains(fmt.Sprint(err), "address already in use") {
		err = fmt.Errorf("%w: %w", errPortTaken, err)
	}
	if c != nil {
		err = errors.Join(err, testcontainers.TerminateContainer(c))
	}
	return nil, fmt.Errorf("run %s on port %d: %w", b.image, port, err)
}

// publish maps Redis' port to ours, on the loopback interface alone unless the
// engine is on another machine: this Redis has no password.
func (b *containers) publish(port int) network.PortMap {
	binding := network.PortBinding{HostPort: strconv.Itoa(port)}
	if b.host == "127.0.0.1" {
		binding.HostIP = netip.MustParseAddr(b.host)
	}
	return network.PortMap{network.MustParsePort("6379/tcp"): {binding}}
}

type containerInstance struct {
	testcontainers.Container
	backend *containers
	port    int
}

func (in *containerInstance) addr() string {
	return net.JoinHostPort(in.backend.host, strconv.Itoa(in.port))
}

func (in *containerInstance) url() string { return "redis://" + in.addr() + "/0" }

func (in *containerInstance) String() string {
	return fmt.Sprintf("container %s at %s", in.backend.image, in.addr())
}

// answers waits until a PING from here is answered, which is after the data is
// loaded. The log alone says nothing when it holds an earlier start's lines.
func (in *containerInstance) answers(ctx context.Context) error {
	return until(ctx, func() error { return ping(ctx, in.addr()) })
}

// signal returns, for a kill, when the container has stopped, and for a TERM
// when the server has ended by itself.
func (in *containerInstance) signal(ctx context.Context, sig signal) error {
	if sig == sigEnd {
		never := -1 // killed instead
		_, err := in.backend.docker.ContainerStop(ctx, in.GetContainerID(), client.ContainerStopOptions{Timeout: &never})
		return err
	}
	_, err := in.backend.docker.ContainerKill(ctx, in.GetContainerID(), client.ContainerKillOptions{Signal: string(sig)})
	return err
}

func (in *containerInstance) restart(ctx context.Context) error {
	state, err := in.State(ctx)
	if err != nil {
		return err
	}
	if state.Running {
		if err := in.signal(ctx, sigKill); err != nil {
			return err
		}
	}
	if err := in.Start(ctx); err != nil {
		return err
	}
	return in.answers(ctx)
}

func (in *containerInstance) remove(ctx context.Context) error {
	return in.Terminate(ctx, testcontainers.StopTimeout(0))
}
