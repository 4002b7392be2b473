<#
.SYNOPSIS
Runs the tests of trueup that only a real Windows can pass, each by itself, and prints a table.
.DESCRIPTION
For a machine that may be lost: docs/real-windows.md. The exit code is the number of tests that failed.
.PARAMETER Folder
Where the test programs lie. Without it they are built here, which needs Rust.
.PARAMETER Filter
Only tests whose name contains this.
#>
[CmdletBinding()]
param(
    [string] $Folder,
    [string] $Filter = '',
    [string] $Results = (Join-Path (Get-Location) 'results')
)

Set-StrictMode -Version 2
$ErrorActionPreference = 'Stop'

$identity = [Security.Principal.WindowsIdentity]::GetCurrent()
$administrators = [Security.Principal.SecurityIdentifier] 'S-1-5-32-544'
if (-not ([Security.Principal.WindowsPrincipal] $identity).IsInRole($administrators)) {
    throw 'Open PowerShell with "Run as administrator": the tests change this machine.'
}

$names = 'real_windows', 'local', 'local_certificates', 'local_services', 'local_ports', 'local_probes', 'local_program'
if ($Folder) {
    $programs = foreach ($name in $names) {
        Get-ChildItem -Path $Folder -Filter "$name-*.exe" |
            Where-Object { $_.BaseName -match "^$name-[0-9a-f]+$" } |
            Sort-Object LastWriteTime | Select-Object -Last 1 -ExpandProperty FullName
    }
} else {
    $tests = $names | ForEach-Object { '--test', $_ }
    $messages = & cargo test --no-run --message-format=json --features real-windows @tests
    if ($LASTEXITCODE -ne 0) { throw 'The tests could not be built.' }
    $programs = $messages | ForEach-Object { $_ | ConvertFrom-Json } |
        Where-Object { $_.reason -eq 'compiler-artifact' -and $_.profile.test -and $_.executable } |
        ForEach-Object { $_.executable }
}
if (-not $programs) { throw "There is no test program in $Folder." }

New-Item -ItemType Directory -Force -Path $Results | Out-Null
$table = foreach ($program in $programs) {
    $short = (Split-Path -Leaf $program) -replace '-[0-9a-f]+\.exe$', ''
    $listed = & $program --list --format terse | Where-Object { $_ -match ': test$' }
    foreach ($test in ($listed -replace ': test$', '')) {
        if ($Filter -and $test -notlike "*$Filter*") { continue }
        $log = Join-Path $Results ("$short." + ($test -replace '[^A-Za-z0-9_]', '.') + '.log')
        $watch = [Diagnostics.Stopwatch]::StartNew()
        # Whatever it writes to standard error is no error of this script.
        $ErrorActionPreference = 'Continue'
        & $program --exact $test --test-threads 1 --nocapture *> $log
        $code = $LASTEXITCODE
        $ErrorActionPreference = 'Stop'
        $why = ''
        if ($code -ne 0) {
            $found = Select-String -Path $log -Pattern 'panicked at' -Context 0, 1 | Select-Object -First 1
            if ($found) { $why = $found.Context.PostContext[0] }
        }
        [pscustomobject] @{
            Program = $short
            Test    = $test
            Result  = if ($code -eq 0) { 'ok' } else { 'FAILED' }
            Seconds = [Math]::Round($watch.Elapsed.TotalSeconds, 1)
            Why     = $why
        }
    }
}

$windows = Get-ItemProperty 'HKLM:\SOFTWARE\Microsoft\Windows NT\CurrentVersion'
"Windows build $($windows.CurrentBuildNumber).$($windows.UBR), $($windows.EditionID)"
$table | Format-Table -AutoSize -Wrap | Out-String -Width 200
$failed = @($table | Where-Object { $_.Result -ne 'ok' }).Count
"$(@($table).Count - $failed) passed, $failed failed"
exit $failed
