namespace Ebm.Records;
