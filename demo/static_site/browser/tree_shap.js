// Exact contributions of matrix columns to the score of trees, as XGBoost's `pred_contribs` computes them.
// TreeSHAP: Algorithm 2 of Lundberg, Erion and Lee 2018, https://arxiv.org/abs/1802.03888.

// The nodes of all trees are in preorder: the left child of a split follows it, and `right` of a leaf is 0. `value` is
// the threshold of a split or the score of a leaf. `cover` is the weight of the training rows that reach the node.

/** Return trees as `contributions` takes them, from their JSON; the trees compare float32 numbers. */
export function readTrees({ right, column, value, cover, missingLeft, roots, depth }) {
  const [rights, columns] = [right, column].map((numbers) => Int32Array.from(numbers));
  const [values, covers] = [value, cover].map((numbers) => Float32Array.from(numbers));
  return { right: rights, column: columns, value: values, cover: covers, missingLeft, roots, depth };
}

/** Return the contribution of each value of `row`, in log-odds; NaN is an unknown value. */
export function contributions(trees, row) {
  const found = new Float64Array(row.length);
  const path = new Path(trees.depth);
  const visit = (node, parent, length, zero, one, column) => {
    const at = parent + length; // the path of a node lies behind that of its parent, which the other child needs
    path.copy(parent, at, length);
    path.extend(at, length, zero, one, column);
    if (trees.right[node] === 0) {
      for (let i = 1; i <= length; i++) {
        const share = path.one[at + i] - path.zero[at + i];
        found[path.column[at + i]] += path.sumWithout(at, length, i) * share * trees.value[node];
      }
      return;
    }
    const split = trees.column[node];
    const left = node + 1, right = trees.right[node];
    const isLeft = Number.isNaN(row[split]) ? trees.missingLeft[node] === 1 : row[split] < trees.value[node];
    let zeroBefore = 1, oneBefore = 1;
    for (let i = 1; i <= length; i++) {
      if (path.column[at + i] === split) { // a column that splits again keeps one place on the path
        zeroBefore = path.zero[at + i];
        oneBefore = path.one[at + i];
        path.remove(at, length, i);
        length--;
        break;
      }
    }
    for (const child of [left, right]) {
      const share = trees.cover[child] / trees.cover[node];
      const taken = (child === left) === isLeft ? oneBefore : 0;
      visit(child, at, length + 1, zeroBefore * share, taken, split);
    }
  };
  for (const root of trees.roots) visit(root, 0, 0, 1, 1, -1);
  return found;
}

/** The splits above a node, each column once; the entry before the root has no column. */
class Path {
  constructor(depth) {
    const size = ((depth + 2) * (depth + 3)) / 2;
    this.column = new Int32Array(size);
    this.zero = new Float64Array(size); // share of the training rows that go this way
    this.one = new Float64Array(size); // 1 if the row goes this way, else 0
    this.weight = new Float64Array(size); // weight of the sets of known columns, by their size
  }

  copy(from, to, length) {
    for (const part of [this.column, this.zero, this.one, this.weight]) part.copyWithin(to, from, from + length);
  }

  extend(at, length, zero, one, column) {
    const { weight } = this;
    this.column[at + length] = column;
    this.zero[at + length] = zero;
    this.one[at + length] = one;
    weight[at + length] = length === 0 ? 1 : 0;
    for (let i = length - 1; i >= 0; i--) {
      weight[at + i + 1] += (one * weight[at + i] * (i + 1)) / (length + 1);
      weight[at + i] *= (zero * (length - i)) / (length + 1);
    }
  }

  remove(at, last, index) {
    this.unwind(at, last, index, (i, weight) => (this.weight[at + i] = weight));
    for (const part of [this.column, this.zero, this.one]) part.copyWithin(at + index, at + index + 1, at + last + 1);
  }

  sumWithout(at, last, index) {
    let sum = 0;
    this.unwind(at, last, index, (_, weight) => (sum += weight));
    return sum;
  }

  /** Call `take` with the weight of each size as it was before the path was extended by the split at `index`. */
  unwind(at, last, index, take) {
    const zero = this.zero[at + index], one = this.one[at + index];
    let next = this.weight[at + last];
    for (let i = last - 1; i >= 0; i--) {
      const now = this.weight[at + i];
      if (one === 0) {
        take(i, (now * (last + 1)) / (zero * (last - i)));
      } else {
        const weight = (next * (last + 1)) / ((i + 1) * one);
        next = now - (weight * zero * (last - i)) / (last + 1);
        take(i, weight);
      }
    }
  }
}
