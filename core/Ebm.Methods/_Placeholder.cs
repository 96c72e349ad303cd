namespace Ebm.Methods;
