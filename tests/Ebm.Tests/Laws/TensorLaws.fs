/// Tensors: who frees them and when, what goes in and comes out, and that nothing anyone passes can crash the process.
module Ebm.Tests.Laws.TensorLaws

open System
open System.Reflection
open System.Runtime.InteropServices
open System.Threading
open TorchSharp
open Ebm.Core
open Ebm.Tests
open Ebm.Tests.Law
open Ebm.Tests.World

/// Live tensors that a computation leaves behind, once the garbage is collected.
let private left (compute: unit -> unit) =
    collected ()
    let before = Tensor.TotalCount
    compute ()
    collected ()
    Tensor.TotalCount - before

/// On another thread, with no scope of this law's around it.
let private aside (compute: unit -> 'a) : 'a =
    let mutable result = Unchecked.defaultof<'a>
    let mutable failed: exn option = None
    let thread =
        Thread(fun () ->
            try
                result <- compute ()
            with e ->
                failed <- Some e)
    thread.Start()
    thread.Join()
    failed |> Option.iter raise
    result

// ── every function, with everything that can be passed ───────────────────────────────────

let private harmless =
    set [
        "Dispose"
        "DecoupleFromNativeHandle"
        "UnsafeCreateTensor"
        "GetType"
        "ToString"
        "GetHashCode"
        "Equals"
        "print"
        "PrintTensor"
        "set_default_dtype"
        "set_default_device"
        "set_num_threads"
        "set_num_interop_threads"
        "manual_seed"
        "seed"
        "set_rng_state"
        "set_printoptions"
        "save"
        "load"
        "Save"
        "Load"
        "WriteBytesToStream"
        "ReadBytesFromStream"
        "NewDisposeScope"
        "cuda"
        "set_grad_enabled"
        "no_grad"
        "enable_grad"
        "inference_mode"
        "set_TensorStringStyle"
        "WrappedTensorDisposeScope"
        "InitializeDeviceType"
        "TryInitializeDeviceType"
        "InitializeDevice"
        "MoveToOtherDisposeScope"
        "pin_memory"
    ]

let private passable (m: MethodInfo) =
    not m.IsGenericMethod
    && not (harmless.Contains m.Name)
    && not (m.Name.StartsWith "op_")
    && m.GetParameters()
       |> Array.forall (fun p ->
           not p.ParameterType.IsByRef
           && not p.ParameterType.IsByRefLike
           && not p.ParameterType.IsPointer
           && p.ParameterType <> typeof<nativeint>
           && not (typeof<Delegate>.IsAssignableFrom p.ParameterType)
           && not (typeof<IO.Stream>.IsAssignableFrom p.ParameterType))
    && not m.ReturnType.IsByRefLike

let private instance =
    typeof<torch.Tensor>.GetMethods(BindingFlags.Instance ||| BindingFlags.Public ||| BindingFlags.DeclaredOnly)
    |> Array.filter passable

let private functions =
    [| typeof<torch>; typeof<torch.linalg>; typeof<torch.nn.functional>; typeof<torch.nn.init>; typeof<torch.special> |]
    |> Array.collect (fun t -> t.GetMethods(BindingFlags.Static ||| BindingFlags.Public ||| BindingFlags.DeclaredOnly))
    |> Array.filter passable

let private disposed () =
    let x = torch.zeros (2L, device = device)
    x.Dispose()
    x

let private someTensor (random: Random) : Tensor | null =
    match random.Next 11 with
    | 0 -> null
    | 1 -> disposed ()
    | 2 -> torch.zeros (3L, dtype = torch.int64, device = device)
    | 3 -> torch.ones(3L, 4L, device = device).``to`` torch.``bool``
    | 4 -> torch.zeros(3L, 3L, device = device).``to`` torch.bfloat16
    | 5 -> torch.tensor (1.5f, device = device)
    | 6 -> torch.zeros (0L, 3L, device = device)
    | 7 -> torch.ones(2L, 3L, device = device).``to`` torch.uint8
    | 8 -> torch.rand (2L, 5L, device = device)
    | 9 -> repeated 4L 7
    | _ -> torch.rand (3L, 4L, device = device)

let private fewLongs = [| -3L; -1L; 0L; 1L; 2L; 7L |]

/// Products and sums of these do not fit 64 bits; nothing that large can be allocated either.
let private hugeLongs = [| 1L <<< 62; (1L <<< 62) + 1L; Int64.MaxValue; Int64.MinValue; 1L; 2L |]

let rec private some (longs: int64[]) (random: Random) (t: Type) : obj | null =
    let some = some longs
    let someLong (random: Random) = longs[random.Next longs.Length]

    match Nullable.GetUnderlyingType t with
    | null ->
        if t = typeof<torch.Tensor> then
            someTensor random
        elif t = typeof<int64> then
            someLong random
        elif t = typeof<int> then
            int (someLong random)
        elif t = typeof<float> then
            [| -1.0; 0.0; 0.5; nan |][random.Next 4]
        elif t = typeof<float32> then
            [| -1.0f; 0.0f; 0.5f; nanf |][random.Next 4]
        elif t = typeof<bool> then
            random.Next 2 = 0
        elif t = typeof<string> then
            ([| null; ""; "ij,jk->ik"; "mean"; "reflect" |]: (string | null)[])[random.Next 5]
        elif t = typeof<Scalar> then
            if random.Next 4 = 0 then null else Scalar.op_Implicit 1.5
        elif t = typeof<torch.ScalarType> then
            [| torch.float64; torch.int64; torch.``bool``; torch.bfloat16 |][random.Next 4]
        elif t = typeof<torch.Device> then
            (if random.Next 2 = 0 then null else device)
        elif t = typeof<torch.TensorIndex> then
            torch.TensorIndex.Single(someLong random)
        elif t.IsEnum then
            (let values = Enum.GetValues t in values.GetValue(random.Next values.Length))
        elif t.IsArray then
            if random.Next 8 = 0 then
                null
            else
                let item = nonNull (t.GetElementType())
                if t.GetArrayRank() > 1 then
                    null
                else
                    let array = Array.CreateInstance(item, random.Next 4)
                    for i in 0 .. array.Length - 1 do
                        array.SetValue(some random item, i)
                    array
        elif t.IsGenericType && t.IsInterface then
            some random ((t.GetGenericArguments()[0]).MakeArrayType())
        elif t.IsValueType then
            Activator.CreateInstance t
        else
            null
    | inner -> if random.Next 3 = 0 then null else some random inner

/// What may be thrown at whoever passes nonsense.
let private isTyped (e: exn) =
    match e with
    | :? ExternalException
    | :? ArgumentException
    | :? ObjectDisposedException
    | :? InvalidOperationException
    | :? IndexOutOfRangeException
    | :? NotSupportedException -> true
    | _ -> false

let private call (m: MethodInfo) (self: obj | null) (arguments: (obj | null)[]) : exn option =
    try
        m.Invoke(self, arguments) |> ignore
        None
    with :? TargetInvocationException as e ->
        Option.ofObj e.InnerException

let private survivesAmong longs (methods: MethodInfo[]) (self: Random -> obj | null) times =
    let failures = [
        for m in methods do
            let random = Random(m.Name.Length + 7 * m.GetParameters().Length)

            for _ in 1..times do
                use _ = torch.NewDisposeScope()
                let self = self random
                let arguments = m.GetParameters() |> Array.map (fun p -> some longs random p.ParameterType)

                match call m self arguments with
                // C# dereferences a null that a function is called on, and says so.
                | Some(:? NullReferenceException) when Array.exists isNull arguments -> ()
                | Some e when not (isTyped e) -> $"{m.DeclaringType |> nonNull |> _.Name}.{m.Name}: {e.GetType().Name}: {e.Message}"
                | _ -> ()
    ]

    let shown = failures |> List.distinct |> List.truncate 20 |> String.concat "\n"
    must $"{(List.distinct failures).Length} untyped exceptions:\n{shown}" failures.IsEmpty

let private survives = survivesAmong fewLongs

// ── errors ───────────────────────────────────────────────────────────────────────────────

let private refuses (parts: string list) (call: unit -> Tensor) =
    try
        call () |> ignore
        broken "nothing was thrown"
    with
    | :? ExternalException as e ->
        for part in parts do
            must $"the error does not say \"{part}\": {e.Message}" (e.Message.Contains part)
    | e -> broken $"{e.GetType().Name}: {e.Message}"

// ── round trips ──────────────────────────────────────────────────────────────────────────

let private roundTrips (values: 'a[]) (make: 'a[] -> Tensor) =
    let tensor = make values
    let back = (tensor.cpu ()).data<'a>().ToArray()
    must $"{tensor.dtype} came back otherwise" (Array.forall2 (fun (a: 'a) (b: 'a) -> (box a).Equals b) values back)

let all = [
    law "a scope frees what was made in it, but for what was moved out" (fun () ->
        let outer = torch.NewDisposeScope()
        let kept, dropped, detached =
            use inner = torch.NewDisposeScope()
            let a, b, c = torch.zeros 1L, torch.zeros 1L, torch.zeros 1L
            must "the inner scope does not hold them" (inner.Contains a && inner.DisposablesCount = 3)
            a.MoveToOuterDisposeScope(), b, c.DetachFromDisposeScope()

        must "what was moved out died" (not kept.IsInvalid)
        must "what stayed lives" dropped.IsInvalid
        must "what was detached died" (not detached.IsInvalid)
        outer.Dispose()
        must "the outer scope did not free what moved into it" kept.IsInvalid
        must "the outer scope freed what belongs to none" (not detached.IsInvalid)
        detached.Dispose())

    law "a scope that an exception leaves frees its tensors, and the scope around it is the current one again" (fun () ->
        use outer = torch.NewDisposeScope()
        let mutable made = Unchecked.defaultof<Tensor>

        try
            use _ = torch.NewDisposeScope()
            made <- torch.zeros 1L
            invalidOp "on the way"
        with :? InvalidOperationException ->
            ()

        must "it lives" made.IsInvalid
        must "another scope is current" (outer.Contains(torch.zeros 1L)))

    law "the count of live tensors returns to where it was: by dispose, by scope, by the garbage collector" (fun () ->
        aside (fun () ->
            must "dispose" (left (fun () -> (torch.zeros 1L).Dispose()) = 0L)
            must
                "a scope"
                (left (fun () ->
                    use _ = torch.NewDisposeScope() in
                    for _ in 1..100 do
                        torch.zeros 1L |> ignore)
                    =
                    0L)
            must
                "the collector"
                (left (fun () ->
                    for _ in 1..100 do
                        torch.zeros 1L |> ignore)
                    =
                    0L)
            let kept = ResizeArray()
            must
                "what is held counts"
                (left (fun () ->
                    for _ in 1..10 do
                        kept.Add(torch.zeros 1L))
                    =
                    10L)
            must "the peak lies below what is alive" (Tensor.PeakCount >= Tensor.TotalCount)
            for t in kept do
                t.Dispose()))

    law "a graph is freed with its last tensor: gradients leave nothing behind" (fun () ->
        let step () =
            use _ = torch.NewDisposeScope()
            let x = torch.ones (10L, requires_grad = true)
            let y = (x * x).exp().sum()
            y.backward ()
            torch.autograd.grad ([| (x.exp ()).sum() |], [| x |]) |> ignore

        must
            "tensors are left"
            (aside (fun () ->
                left (fun () ->
                    for _ in 1..50 do
                        step ()))
                =
                0L))

    law "scopes are a thread's own" (fun () ->
        use mine = torch.NewDisposeScope()

        let theirs =
            aside (fun () ->
                must "a thread begins inside a scope of another" (isNull torch.CurrentDisposeScope)
                torch.zeros 1L)

        must "my scope took a tensor of another thread" (not (mine.Contains theirs))
        theirs.Dispose())

    law "numbers go in and come out bit by bit, in every dtype" (fun () ->
        roundTrips [| 1.5; -0.0; nan; infinity; 1e-300 |] (fun v -> torch.tensor (v, device = device))
        roundTrips [| 1.5f; -0.0f; nanf; 1e-45f |] (fun v -> torch.tensor (v, device = device))
        roundTrips [| Int64.MinValue; Int64.MaxValue |] (fun v -> torch.tensor (v, device = device))
        roundTrips [| Int32.MinValue; Int32.MaxValue |] (fun v -> torch.tensor (v, device = device))
        roundTrips [| 0uy; 255uy |] (fun v -> torch.tensor (v, device = device))
        roundTrips [| true; false; true |] (fun v -> torch.tensor (v, device = device)))

    law "bytes are the tensor's own memory: writing to them writes to it" (fun () ->
        let x = torch.zeros (3L, dtype = torch.float32)
        let bytes = x.bytes
        MemoryMarshal.Cast<byte, float32>(bytes)[1] <- 2.0f
        must "the tensor did not change" (values x = [| 0.0; 2.0; 0.0 |])
        must
            "a tensor that is not contiguous gave its memory"
            (try
                (torch.zeros(2L, 3L).t()).bytes.Length < 0
             with :? InvalidOperationException ->
                 true))

    law "reading as another type than the dtype's is refused" (fun () ->
        let x = torch.zeros (3L, dtype = torch.float32)
        throws<ArgumentException, _> [ "float32"; "Double" ] (fun () -> x.data<float>() |> ignore)
        throws<ArgumentException, _> [ "float32"; "Int64" ] (fun () -> x[0L].item<int64>()))

    law "bfloat16 keeps eight bits, uint8 wraps, bool is logic, and sums promote" (fun () ->
        let near (x: float) = value ((number x).``to``(torch.bfloat16).``to`` torch.float64)
        must "1 + 2⁻⁹ rounds to 1" (near (1.0 + Math.ScaleB(1.0, -9)) = 1.0)
        must "1 + 2⁻⁷ stays" (near (1.0 + Math.ScaleB(1.0, -7)) = 1.0 + Math.ScaleB(1.0, -7))
        must "3e38 stays finite" (Double.IsFinite(near 3e38))
        let bytes = torch.tensor ([| 200uy; 100uy |], device = device)
        must "200 + 100" (values ((bytes[0L] + bytes[1L]).``to`` torch.float64) = [| 44.0 |])
        must "the sum of bytes" (value ((bytes.sum ()).``to`` torch.float64) = 300.0)
        let yes, no = torch.tensor ([| true |], device = device), torch.tensor ([| false |], device = device)
        must
            "and, or, xor, not"
            (List.forall2 (fun (found: Tensor) due -> (found.cpu ()).item<bool>() = due) [
                yes.logical_and no
                yes.logical_or no
                yes.logical_xor yes
                no.logical_not ()
            ] [ false; true; false; true ])
        must "int + float" ((torch.zeros (1L, dtype = torch.int64) + torch.zeros (1L, dtype = torch.float32)).dtype = torch.float32)
        must
            "float32 + float64"
            ((torch.zeros (1L, dtype = torch.float32) + torch.zeros (1L, dtype = torch.float64)).dtype = torch.float64)
        must "bool + int" ((yes + torch.zeros (1L, dtype = torch.int64, device = device)).dtype = torch.int64))

    law "an error names the operator and the dtypes, shapes and devices that it was given" (fun () ->
        let a, b = torch.zeros (2L, 3L, device = device), torch.zeros (4L, 5L, device = device)
        refuses [ "aten::mm"; "float64 [2, 3]"; "[4, 5]"; string device ] (fun () -> a.mm b)
        refuses [ "aten::add"; "[2, 3]"; "[4, 5]" ] (fun () -> a + b)
        refuses [ "aten::matmul" ] (fun () -> a.matmul (torch.zeros (3L, dtype = torch.int64, device = device)))
        refuses [ "aten::index_select"; "int64"; "[1]" ] (fun () -> a.index_select (0L, torch.tensor ([| 7L |], device = device)))
        refuses [ "[2, 3]"; "2" ] (fun () -> a[2L])
        refuses [ "[2, 3]" ] (fun () -> a[0L, 0L, 0L])
        refuses [ "aten::sum"; "5" ] (fun () -> a.sum (5L))
        refuses [ "aten::view"; "[2, 3]"; "[4]" ] (fun () -> a.view 4L)
        refuses [ "cholesky" ] (fun () -> torch.linalg.cholesky (-torch.eye(3L, device = device)))
        refuses [ "aten::bitwise_and" ] (fun () -> a.bitwise_and a)
        refuses [ "grad" ] (fun () ->
            (a.sum ()).backward()
            a))

    law "a disposed tensor says so, wherever it is used" (fun () ->
        let x, y = disposed (), torch.zeros (2L, device = device)
        throws<ObjectDisposedException, _> [ "disposed" ] (fun () -> x + y)
        throws<ObjectDisposedException, _> [ "disposed" ] (fun () -> y + x)
        throws<ObjectDisposedException, _> [ "disposed" ] (fun () -> x.shape)
        throws<ObjectDisposedException, _> [ "disposed" ] (fun () -> y[x])
        throws<ObjectDisposedException, _> [ "disposed" ] (fun () -> torch.cat [| y; x |])
        throws<ObjectDisposedException, _> [ "disposed" ] (fun () -> torch.autograd.grad ([| x |], [| y |]))
        x.Dispose()

        let quiet =
            set [
                "get_IsInvalid"
                "get_name"
                "set_name"
                "MoveToOuterDisposeScope"
                "DetachFromDisposeScope"
                "get_OwningDisposeScope"
            ]

        let silent = [
            for m in instance do
                if not (quiet.Contains m.Name) then
                    let arguments: (obj | null)[] =
                        m.GetParameters()
                        |> Array.map (fun p ->
                            if p.HasDefaultValue then box Type.Missing
                            else if p.ParameterType = typeof<torch.Tensor> then y
                            else some fewLongs (Random 3) p.ParameterType)

                    match
                        (try
                            call m x arguments
                         with :? ArgumentException as e ->
                             Some e)
                    with
                    | Some(:? ObjectDisposedException) -> ()
                    | Some e when isTyped e -> ()
                    | Some e -> $"{m.Name}: {e.GetType().Name}"
                    | None -> $"{m.Name}: nothing"
        ]

        must (String.concat "; " (List.distinct silent)) silent.IsEmpty)

    law "a null tensor is refused by name, and not dereferenced" (fun () ->
        let y = torch.zeros (2L, device = device)
        let nothing: Tensor = Unchecked.defaultof<Tensor>

        for what, call in
            [
                "add", fun () -> y.add nothing
                "matmul", fun () -> y.matmul nothing
                "where", fun () -> torch.where (nothing, y, y)
                "cat", fun () -> torch.cat [| y; nothing |]
                "index_select", fun () -> y.index_select (0L, nothing)
                "linear", fun () -> torch.nn.functional.linear (y, nothing)
            ] do
            try
                call () |> ignore
                broken $"{what} took null"
            with
            | Broken _ -> reraise ()
            | e -> must $"{what}: {e.GetType().Name}: {e.Message}" (isTyped e))

    law
        "no function of a tensor crashes or fails untyped, whatever is passed: null, disposed, another dtype, another shape, indices out of range"
        (fun () ->
            survives
                instance
                (fun random ->
                    let mutable t = someTensor random in
                    (while isNull t do
                        t <- someTensor random)
                    t)
                12)

    law "no function of torch crashes or fails untyped, whatever is passed" (fun () -> survives functions (fun _ -> null) 12)

    law "no function of nn.functional or nn.init crashes or fails untyped at sizes near 2^62, where products of sizes wrap round" (fun () ->
        let ours =
            functions
            |> Array.filter (fun m -> m.DeclaringType = typeof<torch.nn.functional> || m.DeclaringType = typeof<torch.nn.init>)
        must "there are no such functions" (ours.Length > 20)
        survivesAmong hugeLongs ours (fun _ -> null) 12
        let columns, side = torch.ones (1L, 4L, 9L, device = device), 1L <<< 62

        for call in
            [
                fun () -> torch.nn.functional.fold (columns, 4L, side)
                fun () -> torch.nn.functional.fold (columns, side, 2L)
                fun () -> torch.nn.functional.fold (columns, 4L, 2L, dilation = side)
                fun () -> torch.nn.functional.unfold (torch.ones (1L, 1L, 4L, 4L, device = device), side)
            ] do
            throws<ArgumentOutOfRangeException, _> [ "below 2^31" ] call)

    law "tensors are used on many threads while one disposes of them: each use is whole, or says that the tensor is gone" (fun () ->
        let failures = Collections.Concurrent.ConcurrentBag<string>()

        let round () =
            let x = torch.ones (64L, device = device)
            use start = new Barrier 4

            let users = [
                for _ in 1..3 ->
                    Thread(fun () ->
                        start.SignalAndWait()

                        try
                            for _ in 1..20 do
                                use y = x + 1.0
                                use s = y.sum ()
                                let found = s.item<float>()
                                if found <> 128.0 then failures.Add $"a sum of {found}"
                                x.shape |> ignore
                        with
                        | :? ObjectDisposedException -> ()
                        | e -> failures.Add $"{e.GetType().Name}: {e.Message}")
            ]

            for t in users do
                t.Start()
            start.SignalAndWait()
            Thread.SpinWait 2000
            x.Dispose()
            for t in users do
                t.Join()

        for _ in 1..200 do
            round ()
        must (failures |> Seq.distinct |> String.concat "; ") failures.IsEmpty)

    law "gradients, modes and default dtypes of one thread do not leak into another" (fun () ->
        use _ = torch.no_grad ()
        must "gradients are on here" (not (torch.is_grad_enabled ()))
        must "gradients are off in a new thread" (aside torch.is_grad_enabled))

    law "tensors made on one thread are used and freed on another" (fun () ->
        must
            "tensors are left"
            (aside (fun () ->
                left (fun () ->
                    let made = aside (fun () -> [ for i in 1L .. 20L -> torch.ones (i, device = device) ])
                    for i, t in List.indexed made do
                        use s = t.sum ()
                        must "another sum" (s.item<float>() = float (i + 1))
                        t.Dispose()))
                =
                0L))

    law "generators of one seed draw the same, have a state that can be put back, and ignore the default generator" (fun () ->
        let draw (g: torch.Generator) = values (torch.randn (5L, device = device, generator = g))
        use a = new torch.Generator(3UL, device)
        use b = new torch.Generator(3UL, device)
        let first = draw a
        torch.manual_seed 5L |> ignore
        torch.randn (7L, device = device) |> ignore
        must "another draw of the same seed" (draw b = first)
        let state = a.get_state ()
        let next = draw a
        must "the stream stands still" (next <> first)
        a.set_state state
        must "the state does not bring the draw back" (draw a = next))
]
