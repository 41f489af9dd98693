package client_test

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/herocode/horus/domain/signing"
	"github.com/herocode/horus/rpcapi/client"
)

// Submit a job, wait for its outcome, print it.
func Example() {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c, err := client.New(client.Config{
		Addresses: []string{"http://127.0.0.1:3030"},
		APIKey:    os.Getenv("HORUS_API_KEY"),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	receipt, err := c.Submit(ctx, client.NewJob("echo hello").Executor("sh").Timeout(10*time.Second))
	if err != nil {
		fmt.Println(err)
		return
	}
	done, err := c.Wait(ctx, receipt.ID)
	if err != nil {
		fmt.Println(err)
		return
	}
	if done.Error != nil {
		fmt.Println("failed:", done.Error)
		return
	}
	fmt.Println(*done.Result)
}

// A client with a key signs its jobs.
func ExampleConfig() {
	file, err := os.ReadFile("client.key")
	if err != nil {
		fmt.Println(err)
		return
	}
	key, err := signing.ParsePrivateKey(file)
	if err != nil {
		fmt.Println(err)
		return
	}
	c, err := client.New(client.Config{Addresses: []string{"https://horus.example.org"}, Key: key})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.Submit(context.Background(), client.NewJob("backup.sh").Runner("db1")))
}

// Print what a job writes while it writes it.
func ExampleClient_Follow() {
	c, err := client.New(client.Config{Addresses: []string{"http://127.0.0.1:3030"}})
	if err != nil {
		fmt.Println(err)
		return
	}
	for line, err := range c.Follow(context.Background(), "nightly-2026-01-02", 0) {
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(line.Message)
	}
}

// One job can be the pattern of many.
func ExampleJob() {
	pattern := client.NewJob("convert").Executor("sh").Timeout(time.Minute)
	for _, name := range []string{"a.png", "b.png"} {
		text, err := pattern.ID("convert-"+name).Env("FILE", name).Sign(signing.PrivateKey{})
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(string(text))
	}
	// Output:
	// {"id":"convert-a.png","payload":"convert","executor":"sh","timeout":60,"env_vars":{"FILE":"a.png"}}
	// {"id":"convert-b.png","payload":"convert","executor":"sh","timeout":60,"env_vars":{"FILE":"b.png"}}
}

// Ten thousand jobs, in ten messages under ten signatures.
func ExampleClient_SubmitMany() {
	c, err := client.New(client.Config{Addresses: []string{"http://127.0.0.1:3030"}, APIKey: os.Getenv("HORUS_API_KEY")})
	if err != nil {
		fmt.Println(err)
		return
	}
	jobs := make([]client.Job, 10_000)
	for i := range jobs {
		jobs[i] = client.NewJob(fmt.Sprintf("convert page-%d.tiff", i)).Executor("sh").ID(fmt.Sprintf("page-%d", i))
	}
	_, err = c.SubmitMany(context.Background(), jobs)
	fmt.Println(err)
}
