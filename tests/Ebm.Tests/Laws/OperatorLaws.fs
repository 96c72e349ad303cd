/// Operators: declared as libtorch declares them, gradients as differences find them, values as formulas say.
module Ebm.Tests.Laws.OperatorLaws

open System
open TorchSharp
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

// ── schemas ──────────────────────────────────────────────────────────────────────────────

/// The names of a schema's arguments in order: "aten::add.Tensor(Tensor self, Tensor other, *, Scalar alpha=1) -> Tensor".
let private argumentsOf (schema: string) =
    let start = schema.IndexOf '(' + 1
    // Defaults and alias marks nest brackets; the list ends at the bracket that closes it.
    let mutable depth, last = 0, start
    let arguments = ResizeArray<string>()
    let mutable at = start

    while depth >= 0 do
        match schema[at] with
        | '('
        | '[' -> depth <- depth + 1
        | ')'
        | ']' -> depth <- depth - 1
        | _ -> ()

        if depth < 0 || (depth = 0 && schema[at] = ',') then
            arguments.Add(schema[last .. at - 1])
            last <- at + 1

        at <- at + 1

    [
        for a in arguments do
            let a = a.Trim()
            if a <> "*" && a <> "" then a.Split('=')[0] |> _.Trim().Split(' ') |> Array.last
    ]

let private declaredAsSchemas (declared: (string * string[] * string) seq) =
    for name, arguments, schema in declared do
        let due = argumentsOf schema
        let said = String.Join(", ", arguments)
        must
            $"{name}({said}) is declared; libtorch has {schema}"
            (arguments.Length <= due.Length && List.ofArray arguments = due[.. arguments.Length - 1])

// ── gradients ────────────────────────────────────────────────────────────────────────────

/// What an operator is asked about: arguments drawn from where it is smooth.
type private Domain =
    | Any
    | Positive
    /// Between −.8 and .8.
    | Within
    /// Above 1.2.
    | Above
    /// No two values nearer than .1: no ties, no kinks.
    | Apart
    /// Symmetric and positive definite.
    | Definite
    /// Square, and far from singular.
    | Regular

let private draw (rng: Rng) (domain: Domain, shape: int64 list) : Tensor =
    let shape = Array.ofList shape
    let count = shape |> Array.fold (*) 1L

    match domain with
    | Any -> rng.Normal shape
    | Positive -> rng.Uniform shape + 0.5
    | Within -> 1.6 * rng.Uniform shape - 0.8
    | Above -> rng.Uniform shape + 1.2
    | Apart -> ((rng.Permutation count).``to``(torch.float64) * 0.1 + 0.05 - 0.05 * float count).reshape shape
    | Definite -> let a = rng.Normal shape in a.matmul (a.transpose (-2, -1)) + torch.eye (shape[shape.Length - 1], device = device)
    | Regular -> rng.Normal shape + 3.0 * torch.eye (shape[shape.Length - 1], device = device)

let private gradientAgrees (name: string) inputs (call: Tensor[] -> Tensor) =
    use _ = torch.NewDisposeScope()
    let rng = rng $"gradient of {name}"
    let inputs = [| for i, domain in List.indexed inputs -> draw (rng.Stream(int64 i)) domain |]
    let leaves = inputs |> Array.map (fun x -> x.detach().requires_grad_ true)
    let result = call leaves
    let seed = (rng.Stream "seed").NormalLike result
    let directions = inputs |> Array.mapi (fun i x -> (rng.Stream $"direction {i}").NormalLike x)
    let gradients = gradients ((result * seed).sum()) leaves
    let along = Seq.map2 (fun (g: Tensor) (v: Tensor) -> value ((g * v).sum())) gradients directions |> Seq.sum
    use _ = torch.no_grad ()
    let d =
        Close.derivative (fun t -> value ((call (Array.map2 (fun (x: Tensor) v -> x + t * v) inputs directions) * seed).sum()))
    Close.near $"{name}: gradient along a direction less differences" 0.0 { d with Value = d.Value - along }

let private index (values: int64 list) = torch.tensor (Array.ofList values, device = device)

let private square = [ 3L; 3L ]
let private table = [ 3L; 4L ]

let private one domain shape name (call: Tensor -> Tensor) = name, [ domain, shape ], (fun (x: Tensor[]) -> call x[0])
let private two (a, s) (b, t) name (call: Tensor -> Tensor -> Tensor) = name, [ a, s; b, t ], (fun (x: Tensor[]) -> call x[0] x[1])

let private differentiable = [
    one Any table "neg" _.neg()
    one Apart table "abs" _.abs()
    one Any table "exp" _.exp()
    one Any table "exp2" _.exp2()
    one Any table "expm1" _.expm1()
    one Any table "sin" _.sin()
    one Any table "cos" _.cos()
    one Within table "tan" _.tan()
    one Any table "sinh" _.sinh()
    one Any table "cosh" _.cosh()
    one Any table "tanh" _.tanh()
    one Any table "asinh" _.asinh()
    one Any table "atan" _.atan()
    one Within table "asin" _.asin()
    one Within table "acos" _.acos()
    one Within table "atanh" _.atanh()
    one Above table "acosh" _.acosh()
    one Any table "sigmoid" _.sigmoid()
    one Any table "erf" _.erf()
    one Any table "erfc" _.erfc()
    one Within table "erfinv" _.erfinv()
    one Positive table "log" _.log()
    one Positive table "log2" _.log2()
    one Positive table "log10" _.log10()
    one Positive table "log1p" _.log1p()
    one Positive table "sqrt" _.sqrt()
    one Positive table "rsqrt" _.rsqrt()
    one Positive table "reciprocal" _.reciprocal()
    one Positive table "lgamma" _.lgamma()
    one Positive table "digamma" _.digamma()
    one Any table "square" _.square()
    one Any table "pow of a number" (fun x -> x.pow (scalar 3.0))
    one Apart table "clamp" (fun x -> x.clamp (scalar -0.3, scalar 0.4))
    one Any table "sum" _.sum()
    one Any table "sum over rows" (fun x -> x.sum (1L))
    one Any table "mean" _.mean()
    one Positive table "prod" _.prod()
    one Any table "norm" _.norm()
    one Any table "var" _.var()
    one Any table "std" _.std()
    one Any table "softmax" (fun x -> x.softmax 1L)
    one Any table "log_softmax" (fun x -> x.log_softmax 1L)
    one Any table "logsumexp" (fun x -> x.logsumexp 1L)
    one Any table "cumsum" (fun x -> x.cumsum 1L)
    one Positive table "cumprod" (fun x -> x.cumprod 1L)
    one Any table "logcumsumexp" (fun x -> x.logcumsumexp 1L)
    one Apart table "max" _.max()
    one Apart table "amax" (fun x -> x.amax 1L)
    one Apart table "min over rows" (fun x -> let struct (v, _) = x.min 1L in v)
    one Apart table "median" _.median()
    one Apart table "sort" (fun x -> let struct (v, _) = x.sort 1L in v)
    one Apart table "topk" (fun x -> let struct (v, _) = x.topk 2 in v)
    one Any table "t" _.t()
    one Any [ 2L; 3L; 4L ] "permute" (fun x -> x.permute (2L, 0L, 1L))
    one Any table "flip" (fun x -> x.flip 1L)
    one Any table "roll" (fun x -> x.roll (1L, 1L))
    one Any [ 3L; 1L ] "expand" (fun x -> x.expand (3L, 5L))
    one Any table "repeat" (fun x -> x.repeat (2L, 3L))
    one Any table "repeat_interleave" (fun x -> x.repeat_interleave (3L, 0L))
    one Any [ 2L; 3L; 4L ] "flatten" (fun x -> x.flatten 1L)
    one Any table "narrow" (fun x -> x.narrow (1L, 1L, 2L))
    one Any table "select" (fun x -> x.select (0L, -1L))
    one Any table "index_select" (fun x -> x.index_select (0L, index [ 2L; 0L; 2L ]))
    one Any table "gather" (fun x -> x.gather (1L, (index [ 1L; 1L; 3L ]).unsqueeze 1L))
    one Any table "x[index]" (fun x -> x[index [ 1L; 1L ]])
    one Any table "x[.., 1]" (fun x -> x[torch.TensorIndex.Ellipsis, torch.TensorIndex.Single 1L])
    one Any table "masked_fill" (fun x -> x.masked_fill (torch.eye(3L, 4L, device = device).``to`` torch.``bool``, scalar 2.0))
    one Any square "tril" _.tril()
    one Any square "triu" _.triu()
    one Any square "diagonal" _.diagonal()
    one Any square "trace" _.trace()
    one Any [ 3L ] "diag_embed" _.diag_embed()
    one Regular square "inverse" _.inverse()
    one Regular square "det" _.det()
    one Definite square "logdet" (fun x -> (x + x.t ()).logdet())
    one Within square "matrix_exp" _.matrix_exp()
    one Definite square "linalg.cholesky" (fun x -> torch.linalg.cholesky (x + x.t ()))
    one Definite square "linalg.eigvalsh" (fun x -> torch.linalg.eigvalsh (x + x.t ()))
    one Regular table.[..0] "unsqueeze" (fun x -> x.unsqueeze 0L)
    two (Any, table) (Any, [ 4L ]) "add" (fun a b -> a.add b)
    two (Any, table) (Any, [ 3L; 1L ]) "sub" (fun a b -> a.sub b)
    two (Any, table) (Any, [ 4L ]) "mul" (fun a b -> a.mul b)
    two (Any, table) (Positive, [ 4L ]) "div" (fun a b -> a.div b)
    two (Positive, table) (Any, [ 4L ]) "pow" (fun a b -> a.pow b)
    two (Apart, table) (Any, table) "maximum" (fun a b -> a.maximum b)
    two (Apart, table) (Any, table) "minimum" (fun a b -> a.minimum b)
    two (Any, table) (Positive, table) "atan2" (fun a b -> a.atan2 b)
    two (Any, table) (Any, table) "hypot" (fun a b -> a.hypot b)
    two (Any, table) (Any, table) "logaddexp" (fun a b -> a.logaddexp b)
    two (Any, table) (Positive, table) "xlogy" (fun a b -> a.xlogy b)
    two (Any, table) (Any, [ 4L; 2L ]) "mm" (fun a b -> a.mm b)
    two (Any, table) (Any, [ 4L ]) "mv" (fun a b -> a.mv b)
    two (Any, [ 2L; 3L; 4L ]) (Any, [ 2L; 4L; 2L ]) "bmm" (fun a b -> a.bmm b)
    two (Any, [ 2L; 3L; 4L ]) (Any, [ 4L; 5L ]) "matmul" (fun a b -> a.matmul b)
    two (Any, [ 4L ]) (Any, [ 4L ]) "dot" (fun a b -> a.dot b)
    two (Any, [ 3L ]) (Any, [ 4L ]) "outer" (fun a b -> a.outer b)
    two (Any, table) (Any, [ 4L; 2L ]) "einsum" (fun a b -> torch.einsum ("ij,jk->ik", a, b))
    two (Any, table) (Any, table) "cat" (fun a b -> torch.cat ([| a; b |], 1L))
    two (Any, table) (Any, table) "stack" (fun a b -> torch.stack ([| a; b |], 1L))
    two (Any, table) (Any, table) "where" (fun a b -> torch.where (torch.eye(3L, 4L, device = device).``to`` torch.``bool``, a, b))
    two (Any, table) (Any, table) "lerp" (fun a b -> a.lerp (b, torch.tensor (0.3, device = device)))
    two (Any, table) (Any, [ 2L; 4L ]) "index_add" (fun a b -> a.index_add (0L, index [ 1L; 1L ], b, scalar 0.5))
    two (Any, table) (Any, [ 2L; 4L ]) "index_copy" (fun a b -> a.index_copy (0L, index [ 2L; 0L ], b))
    two (Any, table) (Any, [ 3L; 1L ]) "scatter" (fun a b -> a.scatter (1L, (index [ 0L; 3L; 1L ]).unsqueeze 1L, b))
    two (Any, table) (Any, [ 3L; 1L ]) "scatter_add" (fun a b -> a.scatter_add (1L, (index [ 0L; 3L; 1L ]).unsqueeze 1L, b))
    two (Regular, square) (Any, [ 3L; 2L ]) "linalg.solve" (fun a b -> torch.linalg.solve (a, b))
]

// ── values ───────────────────────────────────────────────────────────────────────────────

let private x () = (rng "values").Normal(4L, 5L)
let private numbers (t: Tensor) = Array2D.init (int t.shape[0]) (int t.shape[1]) (let v = values t in fun i j -> v[i * int t.shape[1] + j])

let private byRow (f: float[] -> float) (t: Tensor) =
    let n = numbers t
    row [ for i in 0 .. Array2D.length1 n - 1 -> f n[i, *] ]

/// A reference in plain F# for one number of one number.
let private scalarwise (f: float -> float) (t: Tensor) = (row [ for v in values t -> f v ]).reshape t.shape

/// Slices of a list as Python takes them.
let private sliced (start: int) (stop: int) (step: int) (items: 'a list) =
    let n = items.Length
    let clip i = max 0 (min n (if i < 0 then i + n else i))
    [ for i in clip start .. step .. clip stop - 1 -> items[i] ]

let all = [
    law "every operator is declared with libtorch's own argument names, in its order" (fun () ->
        let declared = Ebm.Torch.Operator.All
        must $"only {declared.Count} operators are declared" (declared.Count > 200)
        declaredAsSchemas (declared |> Seq.map (fun o -> $"{o.Name}.{o.Overload}", o.ArgumentNames, o.Schema)))
    |> breaks "two arguments swapped" (fun () ->
        declaredAsSchemas [
            "aten::lerp", [| "self"; "weight"; "end" |], "aten::lerp.Tensor(Tensor self, Tensor end, Tensor weight) -> Tensor"
        ])
    |> breaks "an argument left out in the middle" (fun () ->
        declaredAsSchemas [
            "aten::var",
            [| "self"; "unbiased"; "keepdim" |],
            "aten::var.dim(Tensor self, int[1]? dim=[1, 2], bool unbiased=True, bool keepdim=False) -> Tensor"
        ])

    law "gradients of differentiable operators agree with differences" (fun () ->
        for name, inputs, call in differentiable do
            gradientAgrees name inputs call)
    |> breaks "a gradient cut off" (fun () -> gradientAgrees "cut" [ Any, table; Any, table ] (fun x -> x[0] * x[1] + x[0].detach()))

    law "reductions are what their formulas say" (fun () ->
        let x = x ()
        let mean (v: float[]) = Array.average v
        let variance n (v: float[]) = (v |> Array.sumBy (fun a -> (a - mean v) ** 2.0)) / n
        let check what due found = Close.same what 32 due found
        check "sum" (byRow Array.sum x) (x.sum 1L)
        check "mean" (byRow mean x) (x.mean [| 1L |])
        check "var" (byRow (variance 4.0) x) (x.var 1L)
        check "var, biased" (byRow (variance 5.0) x) (x.var (1L, false))
        check "std" (byRow (variance 4.0 >> sqrt) x) (x.std 1L)
        check "prod" (byRow (Array.fold (*) 1.0) x) (x.prod 1L)
        check "norm" (byRow (Array.sumBy (fun v -> v * v) >> sqrt) x) (x.norm 1)
        check "logsumexp" (byRow (Array.sumBy exp >> log) x) (x.logsumexp 1L)
        check "amax" (byRow Array.max x) (x.amax 1L)
        check "argmin" (byRow (fun v -> float (Array.IndexOf(v, Array.min v))) x) ((x.argmin 1L).``to`` torch.float64)
        check "median" (byRow (fun v -> (Array.sort v)[2]) x) ((x.t ()).sort(0L).ToTuple() |> fst |> _.select(0L, 2L))
        check "all" (byRow (Array.forall (fun v -> v > -1.0) >> Convert.ToDouble) x) (((x.gt (scalar -1.0)).all 1L).``to`` torch.float64)
        check "cumsum" (torch.stack [| for i in 1L .. 5L -> (x.narrow (1L, 0L, i)).sum 1L |] |> _.t()) (x.cumsum 1L)
        Close.same "softmax sums to one" 32 (torch.ones (4L, device = device)) ((x.softmax 1L).sum 1L)
        check "log_softmax" (x - (x.logsumexp (1L, true))) (x.log_softmax 1L))

    law "elementwise functions are those of .NET" (fun () ->
        let x, positive = x (), (rng "positive").Uniform(4L, 5L) + 0.1

        for name, due, found in
            [
                "exp", scalarwise exp x, x.exp ()
                "tanh", scalarwise tanh x, x.tanh ()
                "sin", scalarwise sin x, x.sin ()
                "atan", scalarwise atan x, x.atan ()
                "floor", scalarwise floor x, x.floor ()
                "ceil", scalarwise ceil x, x.ceil ()
                "trunc", scalarwise truncate x, x.trunc ()
                "sign", scalarwise (sign >> float) x, x.sign ()
                "abs", scalarwise abs x, x.abs ()
                "sigmoid", scalarwise (fun v -> 1.0 / (1.0 + exp -v)) x, x.sigmoid ()
                "log", scalarwise log positive, positive.log ()
                "log1p", scalarwise (fun v -> log (1.0 + v)) positive, positive.log1p ()
                "sqrt", scalarwise sqrt positive, positive.sqrt ()
                "rsqrt", scalarwise (fun v -> 1.0 / sqrt v) positive, positive.rsqrt ()
                "pow", scalarwise (fun v -> v ** 1.5) positive, positive.pow (scalar 1.5)
                "clamp", scalarwise (fun v -> max -0.5 (min 0.5 v)) x, x.clamp (scalar -0.5, scalar 0.5)
                "remainder", scalarwise (fun v -> v - 0.3 * floor (v / 0.3)) x, x.remainder (scalar 0.3)
            ] do
            Close.same name 32 due found)

    law "operators between tensors and numbers, on either side, are those of arithmetic" (fun () ->
        let a, b = x (), (rng "other").Uniform(4L, 5L) + 0.5
        let pairwise f = (row (List.ofArray (Array.map2 f (values a) (values b)))).reshape a.shape

        for name, due, found in
            [
                "a + b", pairwise (+), a + b
                "a - b", pairwise (-), a - b
                "a * b", pairwise (*), a * b
                "a / b", pairwise (/), a / b
                "-a", scalarwise (~-) a, -a
                "2 + a", scalarwise (fun v -> 2.0 + v) a, 2.0 + a
                "a + 2", scalarwise (fun v -> 2.0 + v) a, a + 2
                "2 - a", scalarwise (fun v -> 2.0 - v) a, 2.0 - a
                "a - 2", scalarwise (fun v -> v - 2.0) a, a - 2.0f
                "2 * a", scalarwise (fun v -> 2.0 * v) a, 2L * a
                "a / 2", scalarwise (fun v -> v / 2.0) a, a / 2
                "2 / b", scalarwise (fun v -> 2.0 / v) b, 2.0 / b
            ] do
            Close.same name 4 due found)

    law "broadcasting stretches dimensions of one, from the right" (fun () ->
        let a, b = (rng "a").Normal(3L, 1L, 2L), (rng "b").Normal(4L, 1L)
        let sum = a + b
        must "the shape" (sum.shape = [| 3L; 4L; 2L |])

        for i in 0L .. 2L do
            for j in 0L .. 3L do
                for k in 0L .. 1L do
                    Close.same "an entry" 1 (a[i, 0L, k] + b[j, 0L]) sum[i, j, k])

    law "products of matrices are sums of products, whatever they are called" (fun () ->
        let a, b = (rng "a").Normal(3L, 4L), (rng "b").Normal(4L, 5L)
        let x, y = numbers a, numbers b
        let due = rows [ for i in 0..2 -> [ for k in 0..4 -> List.sum [ for j in 0..3 -> x[i, j] * y[j, k] ] ] ]
        let check what found = Close.same what 16 due found
        check "matmul" (a.matmul b)
        check "mm" (a.mm b)
        check "einsum" (torch.einsum ("ij,jk->ik", a, b))
        check "bmm" (((a.unsqueeze 0L).bmm(b.unsqueeze 0L)).squeeze 0L)
        check "tensordot" (a.tensordot (b, 1L))
        check "mv, a column at a time" (torch.stack ([| for k in 0L .. 4L -> a.mv (b.select (1L, k)) |], 1L))
        check "addmm" ((torch.zeros (3L, 5L, device = device)).addmm(a, b)))

    law "decompositions put the matrix together again" (fun () ->
        let a = draw (rng "definite") (Definite, [ 4L; 4L ])
        let b = (rng "b").Normal(4L, 2L)
        let check what due found = Close.same what 512 due found
        let l = torch.linalg.cholesky a
        check "L Lᵀ" a (l.matmul (l.t ()))
        must "L is not lower triangular" (values (l.triu 1L) |> Array.forall ((=) 0.0))
        let struct (w, v) = torch.linalg.eigh a
        check "V diag(w) Vᵀ" a ((v * w).matmul(v.t ()))
        check "VᵀV" (torch.eye (4L, device = device)) ((v.t ()).matmul v)
        let m = (rng "m").Normal(4L, 3L)
        let struct (u, s, vh) = torch.linalg.svd (m, fullMatrices = false)
        check "U diag(s) Vᴴ" m ((u * s).matmul vh)
        check "A · solve(A, b)" b (a.matmul (torch.linalg.solve (a, b)))
        check "A · A⁻¹" (torch.eye (4L, device = device)) (a.matmul (torch.linalg.inv a))
        check "log det" (w.log().sum()) (a.logdet ()))

    law "sorting, choosing and gathering move whole numbers and no others" (fun () ->
        let x = x ()
        let struct (sorted, order) = x.sort (1L, true)
        Close.same "sort" 0 (torch.stack [| for i in 0L .. 3L -> row (values x[i] |> Array.sortDescending |> List.ofArray) |]) sorted
        Close.same "gather undoes argsort" 0 sorted (x.gather (1L, order))
        let struct (top, at) = x.topk 2
        Close.same "topk" 0 (sorted.narrow (1L, 0L, 2L)) top
        Close.same "topk's indices" 0 top (x.gather (1L, at))
        Close.same "index_select" 0 (torch.stack [| x[2L]; x[0L] |]) (x.index_select (0L, index [ 2L; 0L ]))
        Close.same
            "scatter undoes gather"
            0
            sorted
            ((torch.zeros_like x).scatter(1L, torch.arange(5L, device = device).expand(4L, 5L), sorted))
        let mask = x.gt (scalar 0.0)
        Close.same "masked_select" 0 (row (values x |> Array.filter (fun v -> v > 0.0) |> List.ofArray)) (x.masked_select mask)
        Close.same "where" 0 (scalarwise (max 0.0) x) (torch.where (mask, x, torch.zeros_like x))
        Close.same
            "index_add adds twice where it points twice"
            4
            (2.0 * x[0L] + x[1L])
            ((torch.zeros (1L, 5L, device = device)).index_add(0L, index [ 0L; 0L; 0L ], torch.stack [| x[0L]; x[0L]; x[1L] |], scalar 1.0))
                .[0L]
        let struct (distinct, _, counts) = (index [ 3L; 1L; 3L; 3L ]).unique(return_counts = true)
        Close.same "unique" 0 (index [ 1L; 3L ]) distinct
        Close.same "its counts" 0 (index [ 1L; 3L ]) (nonNull counts))

    forAll
        "slices are those of a list: negative ends count from the end, steps skip"
        (fun (start: int, stop: int, FsCheck.PositiveInt step) ->
            use _ = torch.NewDisposeScope()
            let items = [ 0.0 .. 6.0 ]
            let start, stop, step = start % 9, stop % 9, 1 + step % 4
            let found = (row items)[torch.TensorIndex.Slice(int64 start, int64 stop, int64 step)]
            List.ofArray (values found) = sliced start stop step items)

    law "indices of every kind: numbers, ranges, masks, tensors, new dimensions, ellipsis; reading and writing" (fun () ->
        let x = torch.arange(24L, device = device).``to``(torch.float64).reshape(2L, 3L, 4L)
        let at i j k = float (12 * i + 4 * j + k)
        let same what (due: float list) (found: Tensor) =
            must $"{what}: {List.ofArray (values found)} where {due} was due" (List.ofArray (values found) = due)
        same "x[1, -1, 2]" [ at 1 2 2 ] x[1L, -1L, 2L]
        same "x[-1]" [ 12.0 .. 23.0 ] x[-1L]
        same
            "x[..., 0]"
            [
                for i in 0..1 do
                    for j in 0..2 -> at i j 0
            ]
            x[torch.TensorIndex.Ellipsis, torch.TensorIndex.Single 0L]
        must "None adds a dimension" (x[torch.TensorIndex.None].shape = [| 1L; 2L; 3L; 4L |])
        same "a mask" [ 21.0; 22.0; 23.0 ] x[x.gt (scalar 20.0)]
        same
            "tensors of indices"
            [ at 0 2 0; at 1 0 0 ]
            x[torch.TensorIndex.Tensor(index [ 0L; 1L ]), torch.TensorIndex.Tensor(index [ 2L; 0L ]), torch.TensorIndex.Single 0L]
        let y = x.clone ()
        y[torch.TensorIndex.Colon, torch.TensorIndex.Single 1L] <- torch.tensor (-1.0, device = device)
        same "writing a row" [ -1.0; -1.0; -1.0; -1.0 ] (y[0L, 1L])
        must "writing touched another row" (values y[0L, 0L] = values x[0L, 0L])
        y[y.lt (scalar 0.0)] <- torch.tensor (7.0, device = device)
        same "writing where a mask holds" [ 7.0; 7.0; 7.0; 7.0 ] y[1L, 1L]
        let view = x[0L]
        view.zero_ () |> ignore
        same "a slice is a view: writing to it writes to the whole" [ 0.0 ] (x[0L].abs().max()))
]
