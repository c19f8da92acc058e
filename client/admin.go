package client

import (
	"context"
	"fmt"

	"github.com/cerberus-host/cerberus/abi"
	cerberusv1 "github.com/cerberus-host/cerberus/proto/gen/cerberus/v1"
)

// Register uploads a built module and its model and registers them in a Brain's slot. It
// needs the author role.
func (c *Client) Register(
	ctx context.Context, number abi.BrainID, module, model []byte,
) (*cerberusv1.ModuleVersion, error) {
	m, err := abi.ModuleManifest(module)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	if _, err := c.connect(ctx, false); err != nil {
		return nil, err
	}
	if m.Model != nil {
		if d := abi.SumDigest(model); !d.Equal(m.Model.Digest) {
			return nil, fmt.Errorf("%w: the model is %s, the manifest pins %s: build again",
				ErrUsage, d, m.Model.Digest)
		}
		_, err := c.upload(ctx, cerberusv1.BlobKind_BLOB_KIND_MODEL, m.Model.Digest, model,
			c.transfer("upload model"))
		if err != nil {
			return nil, wrapRPC("upload model", err)
		}
	}
	digest := abi.SumDigest(module)
	_, err = c.upload(ctx, cerberusv1.BlobKind_BLOB_KIND_MODULE, digest, module,
		c.transfer("upload module"))
	if err != nil {
		return nil, wrapRPC("upload module", err)
	}
	c.event(Event{Phase: "register", Detail: m.Name})
	resp, err := c.brains.RegisterModule(ctx, &cerberusv1.RegisterModuleRequest{
		Brain: uint32(number), ModuleDigest: digest[:],
	})
	if err != nil {
		return nil, wrapRPC("register module", err)
	}
	return resp.GetVersion(), nil
}

// Activate makes a registered version the one that new tasks run.
func (c *Client) Activate(ctx context.Context, number abi.BrainID, module abi.Digest) error {
	if _, err := c.connect(ctx, false); err != nil {
		return err
	}
	_, err := c.brains.ActivateModule(ctx, &cerberusv1.ActivateModuleRequest{
		Brain: uint32(number), ModuleDigest: module[:],
	})
	return wrapRPC("activate module", err)
}

// Retire takes a Brain's active version out of service.
func (c *Client) Retire(ctx context.Context, number abi.BrainID) error {
	if _, err := c.connect(ctx, false); err != nil {
		return err
	}
	_, err := c.brains.RetireBrain(ctx, &cerberusv1.RetireBrainRequest{Brain: uint32(number)})
	return wrapRPC("retire Brain", err)
}

// Brains lists the slots in use.
func (c *Client) Brains(ctx context.Context) ([]*cerberusv1.Brain, error) {
	resp, err := c.brains.ListBrains(ctx, &cerberusv1.ListBrainsRequest{})
	if err != nil {
		return nil, wrapRPC("list Brains", err)
	}
	return resp.GetBrains(), nil
}

// TasksListedMax is the most that [Client.Tasks] lists.
const TasksListedMax = 1000

// Tasks lists up to limit tasks, newest first: this client's own or, with all set,
// everybody's, which needs the admin role.
func (c *Client) Tasks(ctx context.Context, all bool, limit int) ([]*cerberusv1.Task, error) {
	if _, err := c.connect(ctx, false); err != nil {
		return nil, err
	}
	if limit < 1 || limit > TasksListedMax {
		return nil, fmt.Errorf("%w: a list has 1 to %d tasks, not %d", ErrUsage, TasksListedMax,
			limit)
	}
	req := &cerberusv1.ListTasksRequest{Limit: uint32(limit)}
	if !all {
		self := c.Address()
		req.Client = self[:]
	}
	resp, err := c.tasks.ListTasks(ctx, req)
	if err != nil {
		return nil, wrapRPC("list tasks", err)
	}
	return resp.GetTasks(), nil
}

// Task returns one task of this client, or any task for an admin.
func (c *Client) Task(ctx context.Context, id abi.TaskID) (*cerberusv1.Task, error) {
	if _, err := c.connect(ctx, false); err != nil {
		return nil, err
	}
	resp, err := c.tasks.GetTask(ctx, &cerberusv1.GetTaskRequest{Id: id[:]})
	if err != nil {
		return nil, wrapRPC("get task", err)
	}
	return resp.GetTask(), nil
}

// Cancel cancels a task of this client that has not ended.
func (c *Client) Cancel(ctx context.Context, id abi.TaskID) error {
	if _, err := c.connect(ctx, false); err != nil {
		return err
	}
	_, err := c.tasks.CancelTask(ctx, &cerberusv1.CancelTaskRequest{Id: id[:]})
	return wrapRPC("cancel task", err)
}

// SetRole grants or revokes a role. It needs the admin role.
func (c *Client) SetRole(
	ctx context.Context, account abi.Address, role cerberusv1.Role, grant bool,
) error {
	if _, err := c.connect(ctx, false); err != nil {
		return err
	}
	_, err := c.nodes.SetRole(ctx, &cerberusv1.SetRoleRequest{
		Address: account[:], Role: role, Grant: grant,
	})
	return wrapRPC("set role", err)
}
