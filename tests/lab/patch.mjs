// Kubernetes' patches: strategic merge, merge, and JSON.

/** By what members of a list are known again, for the lists that merge. */
const KEYS = { containers: "name", initContainers: "name", env: "name", volumes: "name", ports: "containerPort", volumeMounts: "mountPath", conditions: "type" };

/** A copy of the object with a patch of that type applied. */
export function patched(object, patch, type) {
  const copy = structuredClone(object);
  if (type.startsWith("application/json-patch+json")) return operations(copy, patch);
  if (type.startsWith("application/merge-patch+json")) return merged(copy, patch, false);
  return merged(copy, patch, true);
}

function merged(target, patch, strategic) {
  if (patch === null || typeof patch !== "object" || Array.isArray(patch)) return patch;
  const result = target !== null && typeof target === "object" && !Array.isArray(target) ? target : {};
  if (strategic && patch.$patch === "replace") {
    const { $patch: _, ...rest } = patch;
    return rest;
  }
  for (const [name, value] of Object.entries(patch)) {
    if (strategic && name.startsWith("$")) continue;
    if (value === null) delete result[name];
    else if (strategic && Array.isArray(value) && KEYS[name]) result[name] = list(result[name] ?? [], value, KEYS[name]);
    else result[name] = merged(result[name], value, strategic);
  }
  return result;
}

function list(target, patch, key) {
  const result = [...target];
  for (const member of patch) {
    const index = result.findIndex((known) => known[key] === member[key]);
    if (member.$patch === "delete") {
      if (index >= 0) result.splice(index, 1);
    } else if (index >= 0) result[index] = merged(result[index], member, true);
    else result.push(merged({}, member, true));
  }
  return result;
}

function operations(target, patch) {
  for (const { op, path, value } of patch) {
    const names = path.split("/").slice(1).map((name) => name.replace(/~1/g, "/").replace(/~0/g, "~"));
    const last = names.pop();
    const place = names.reduce((object, name) => (object[name] ??= {}), target);
    if (op === "remove") delete place[last];
    else if (op === "add" || op === "replace") place[last] = value;
    else if (op === "test") continue;
    else throw new Error(`the operation ${op} is not known`);
  }
  return target;
}
