// Who may free a native object, and when: one owner, any number of calls under way, and no moment in which a call can see freed memory.
namespace Ebm.Torch;

/// <summary>
/// The address of a native object with a count of its users: the owner is one, every call under way another. The last to leave frees it,
/// so an object disposed (or finalized) on one thread stays alive until the calls it is in on other threads return.
/// </summary>
internal struct NativeOwner(nint address)
{
    nint _address = address;
    int _users = 1;
    int _disposed;

    public readonly bool IsDisposed => _disposed != 0 || _address == 0;

    /// <summary>The address, without a claim to it: only for a caller that holds the object some other way.</summary>
    public readonly nint Address => _address;

    /// <summary>The address, kept alive until <see cref="Leave"/>; false when the owner has disposed of it.</summary>
    public bool TryEnter(out nint address)
    {
        address = _address;
        var users = Volatile.Read(ref _users);
        while (users > 0 && !IsDisposed)
        {
            var seen = Interlocked.CompareExchange(ref _users, users + 1, users);
            if (seen == users)
            {
                return true;
            }
            users = seen;
        }
        return false;
    }

    /// <summary>True when the caller was the last user, and must free the object.</summary>
    public bool Leave() => Interlocked.Decrement(ref _users) == 0;

    /// <summary>Ends the ownership; true for the first who does so, who then must <see cref="Leave"/>.</summary>
    public bool Disown() => Interlocked.Exchange(ref _disposed, 1) == 0;
}
