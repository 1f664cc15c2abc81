"""Lambda functions."""
import io
import zipfile


def build(scope):
    if scope.within("root"):
        return
    functions = scope.client("lambda")
    code = io.BytesIO()
    with zipfile.ZipFile(code, "w") as archive:
        archive.writestr(zipfile.ZipInfo("app.py", (2020, 1, 1, 0, 0, 0)), "def handler(event, context): return 1\n")
    role = f"arn:aws:iam::{scope.account.id}:role/" + ("function-admin" if scope.within("dev") else "function")
    planned = [("resize-images", "python3.13", "caller"), ("send-receipts", "nodejs22.x", None)]
    if scope.within("dev"):
        planned += [("webhook", "python3.8", "everyone")]
    for name, runtime, caller in planned:
        functions.create_function(
            FunctionName=name, Runtime=runtime, Role=role, Handler="app.handler", Code={"ZipFile": code.getvalue()},
            MemorySize=scope.random.choice([128, 512, 1024]), Environment={"Variables": {"STAGE": scope.account.profile}},
            Tags=scope.tags(name))
        if caller == "caller":
            functions.add_permission(FunctionName=name, StatementId="bucket", Action="lambda:InvokeFunction",
                                     Principal="s3.amazonaws.com", SourceAccount=scope.account.id,
                                     SourceArn="arn:aws:s3:::shop-uploads")
        if caller == "everyone":
            functions.add_permission(FunctionName=name, StatementId="anybody", Action="lambda:InvokeFunction",
                                     Principal="*")
        scope.flag(name, {"aws-lambda-function-not-public": caller == "everyone",
                          "aws-lambda-function-runtime-supported": runtime == "python3.8",
                          "aws-lambda-function-role-no-iam-full-access": scope.within("dev")})
