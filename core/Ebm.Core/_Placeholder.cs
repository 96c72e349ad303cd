namespace Ebm.Core;
