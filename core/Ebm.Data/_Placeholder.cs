namespace Ebm.Data;
