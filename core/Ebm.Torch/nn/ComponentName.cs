// The name under which a module registers a field, where it is not the field's own.
namespace TorchSharp.Utils;

/// <summary>Names the component that a field holds.</summary>
[AttributeUsage(AttributeTargets.Field)]
public class ComponentNameAttribute : Attribute
{
    public required string Name { get; set; }
}
